"""What results were made from: the stages of dvc.yaml, what they recorded, trace, verify, record and adopt."""
