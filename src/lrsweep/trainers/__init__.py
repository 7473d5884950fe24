"""What trains a trial: the seam (trainer.py), the built-in model, made-up curves, and the devices."""
