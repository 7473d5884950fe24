"""The stages: each reads artifacts, calls a function, writes artifacts. A stage is named like its module."""
