"""What artifacts were made from: dvc.yaml, the provenance of stages, and the lineage of files."""
