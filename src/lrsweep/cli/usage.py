"""A command line that cannot be read, as one line: what was found, what was expected, and where the command's help is."""

import re
from collections.abc import Iterable
from typing import Any

from typer.exceptions import TyperException

from lrsweep.config.violations import nearest


def explain(error: TyperException) -> str:
    """The line for an error of typer, whose own takes five and a box.

    Its kinds are told apart by what they hold: typer keeps their classes to itself.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lrsweep"
    place = f"{command.removeprefix('lrsweep').strip()}: ".removeprefix(": ")
    return f"{place}{_said(error, context)}; see {command} --help"


def _said(error: Any, context: Any) -> str:
    message = " ".join(error.format_message().split()).removesuffix(".")
    parameter = getattr(error, "param", None)
    if parameter is not None:
        name = parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name.upper()
        if message.startswith("Missing"):
            return f"found no {name}, expected {'an option' if name.startswith('-') else 'an argument'} of that name"
        expected = str(error.message).removeprefix("Value error, ").removeprefix("Input should be ").removesuffix(".")
        found, among, known = expected.partition(" is not one of ")
        if among:
            near = nearest(found.strip("'"), known.replace("'", "").split(", "))
            return f"{name}: found {found}, expected one of {known}{f' (nearest: {near})' if near else ''}"
        return f"{name}: found {_given(error)!r}, expected {expected.removeprefix('a valid ').split(',')[0]}"
    if option := getattr(error, "option_name", None):
        if message.startswith("No such option"):
            return f"found {option}, expected {_among(option, context.command.params if context else [])}"
        needs_value = message.endswith("requires an argument")
        return (
            f"found {option} {'alone, expected a value after it' if needs_value else f'({message}), expected another use of it'}"
        )
    if message.startswith("No such command"):
        name = message.split("'")[1]
        near = nearest(name, context.command.commands)
        return f"found {name!r}, expected a command{f' (nearest: {near})' if near else ''}"
    if message == "Missing command":
        return f"found no command, expected one of {', '.join(sorted(context.command.commands))}"
    if extra := re.fullmatch(r"Got unexpected extra argument\S* \((.*)\)", message):
        return f"found {extra[1]!r} too, expected no more arguments"
    return f"found what cannot be read ({message}), expected its arguments and options"


def _given(error: Any) -> object:
    """The value that was given: typer has it from pydantic."""
    return error.__cause__.errors()[0]["input"]


def _among(option: str, parameters: Iterable[Any]) -> str:
    known = [name for parameter in parameters for name in parameter.opts if name.startswith("-")]
    near = nearest(option, known)
    return f"an option of this command{f' (nearest: {near})' if near else ''}"
