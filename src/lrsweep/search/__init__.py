"""Search, pure: what is tried next, what is stopped, and what can be trained now, from records alone."""
