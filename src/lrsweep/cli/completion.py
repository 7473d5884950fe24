"""What the shell completes beside commands and options; nothing where the project is not there."""

from contextlib import suppress

from lrsweep.errors import UserError


def preset_names(incomplete: str) -> list[str]:
    """The presets whose names begin so."""
    from lrsweep.config.presets import known

    return [name for name in known() if name.startswith(incomplete)]


def keys(incomplete: str) -> list[str]:
    """The keys of params.yaml that begin so."""
    from lrsweep.config import schema

    with suppress(UserError):
        return [key.path for key in schema.keys(schema.read()) if key.path.startswith(incomplete)]
    return []
