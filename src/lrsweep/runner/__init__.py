"""What runs a study: its trials, their identity, workers and their supervisors, progress."""
