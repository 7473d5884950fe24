"""Weights & Biases: tracking, the export of the studies as sweeps, and the import of a sweep as a study.

Nothing else imports wandb, and no stage of dvc.yaml imports this.
"""
