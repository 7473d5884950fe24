"""The text that the built-in trainer reads: corpus, stories, downloads, tokens, batches."""
