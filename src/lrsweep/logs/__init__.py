"""Files in which other tools keep what they log: CSV, JSON and TensorBoard's event files, read with the places of their rows."""
