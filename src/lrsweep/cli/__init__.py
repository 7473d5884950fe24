"""The command line, and what the Snakefile asks of the package."""
