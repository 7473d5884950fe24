"""What studies show: tables in, values out. Each module makes one kind of value, in frozen dataclasses."""
