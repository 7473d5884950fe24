"""What the shell completes beside commands and options: presets and keys, where there is a project."""

from contextlib import suppress

from lrsweep.errors import UserError


def preset_names(incomplete: str) -> list[str]:
    """List the presets whose names begin with `incomplete`."""
    from lrsweep.config.presets import known

    return [name for name in known() if name.startswith(incomplete)]


def keys(incomplete: str) -> list[str]:
    """List the keys of params.yaml that begin with `incomplete`."""
    from lrsweep.config import schema

    with suppress(UserError):
        return [key.path for key in schema.keys(schema.read()) if key.path.startswith(incomplete)]
    return []
