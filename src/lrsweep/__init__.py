"""Find the maximum learning rate of a training run at the edge of stability, and prove each step."""
