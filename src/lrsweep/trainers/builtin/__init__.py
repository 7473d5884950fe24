"""The built-in trainer: a small transformer with its training, checkpoints, generation and measured curvature."""
