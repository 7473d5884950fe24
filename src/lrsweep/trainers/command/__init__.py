"""A person's own training script as a trainer: it speaks by its arguments, the files that it writes, and its exit code."""
