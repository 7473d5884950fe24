"""Finds the maximum learning rate of a small transformer at the edge of stability, and proves each step."""
