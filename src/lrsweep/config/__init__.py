"""params.yaml: its schema, its checks and their messages, its comments, its explanation, and presets."""
