"""What is kept on disk: records of trials, tables and JSON of results/, locks, imported studies."""
