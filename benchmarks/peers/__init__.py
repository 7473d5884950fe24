"""What users would pick instead: other searches, each as benchmarks.clock.Search. A module imports what its environment has."""
