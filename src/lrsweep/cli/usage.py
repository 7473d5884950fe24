"""One line for a command line that cannot be read: what was found, what was expected, and where the help is."""

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from typer import Context
from typer._click import exceptions as kinds  # typer has a click of its own, whose errors it does not export
from typer.core import TyperGroup
from typer.exceptions import TyperException

from lrsweep.config import violations
from lrsweep.config.violations import nearest
from lrsweep.errors import UserError


class Group(TyperGroup):
    """A group of commands that names the nearest one where a command is unknown; typer's own error holds neither name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a call without a command."""
        if not args and not ctx.resilient_parsing:
            raise UserError(_line(ctx, f"found no command, expected one of {', '.join(sorted(self.commands))}"))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that a word names."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            near = _nearest(args[0], self.commands)
            raise UserError(_line(ctx, f"found {args[0]!r}, expected a command{near}"))
        return super().resolve_command(ctx, args)


def explain(error: TyperException) -> str:
    """Give one line for an error of typer, whose own message takes five lines and a box."""
    context: Any = getattr(error, "ctx", None)
    message = " ".join(error.message.split()).removesuffix(".")
    match error:
        case kinds.MissingParameter(param=parameter):
            name = _name(parameter)
            said = f"found no {name}, expected an {'option' if name.startswith('-') else 'argument'} of that name"
        case kinds.BadParameter(param=parameter) if isinstance(error.__cause__, ValidationError):
            said = f"{_name(parameter)}: {_value(parameter, error.__cause__)}"
        case kinds.NoSuchOption(option_name=option):
            known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("-")]
            said = f"found {option}, expected an option of this command{_nearest(option, known)}"
        case kinds.BadOptionUsage(option_name=option):
            said = f"found {option} in a wrong way ({message}), expected the way that the help of its command shows"
        case kinds.UsageError():
            said = f"found too many words ({message}), expected no more arguments"
        case _:
            said = f"found what cannot be read ({message}), expected arguments and options"
    return _line(context, said)


def _line(context: Context | Any | None, said: str) -> str:
    """Put the command before a message, and its help after it."""
    command = context.command_path if context else "lrsweep"
    place = f"{command.removeprefix('lrsweep').strip()}: ".removeprefix(": ")
    return f"{place}{said}; see {command} --help"


def _name(parameter: Any) -> str:
    """Give an option as it is typed, and an argument as the help shows it."""
    first: str = parameter.opts[0]
    return first if first.startswith("-") else first.upper()


def _value(parameter: Any, cause: ValidationError) -> str:
    """Say what is wrong with the value of a parameter."""
    found = cause.errors()[0]["input"]
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        known = get_args(annotation)
        return f"found {found!r}, expected one of {', '.join(map(repr, known))}{_nearest(str(found), known)}"
    return f"found {found!r}, expected {violations.describe('', cause.errors()).expected}"


def _nearest(word: str, known: Iterable[str]) -> str:
    near = nearest(word, known)
    return f" (nearest: {near})" if near else ""
