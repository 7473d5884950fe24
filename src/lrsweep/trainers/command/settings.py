"""Settings of a person's script: its command, what it reads, and where its curve stands. Imports no torch."""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from lrsweep.section import Section, Text, Texts
from lrsweep.space import Value

OWN = ("until", "steps", "seed", "dir")  # the words beside the names of the space
SHELLS = ("sh", "bash", "dash", "zsh", "ksh")
ARGUMENTS = "arguments"  # the name of words that a configuration adds to the command
_WORD = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")  # {{word}} is a word in braces itself
_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""")
_OF_A_SHELL = re.compile(r"^\s*\w+=\S*|(?<!\S)(?:&&?|\|\|?|\d?(?:>>?|<)\S*)(?!\S)|;(?!\S)|\$[\w({]\S*|`")


def _splits(command: str) -> str:
    """Refuse a command that a shell could not split into words."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"a command with closed quotes ({error})") from None
    if not words:
        raise ValueError("a command")
    if found := _OF_A_SHELL.search(_QUOTED.sub("_", command)):
        raise ValueError(
            f"no {found[0].strip()} outside of quotes, since no shell reads it: put it into sh -c '…', or use env NAME=value"
        )
    return command


def hands_on(command: str) -> bool:
    """Say whether words behind a command reach the program: those behind `sh -c` do where its text has them.

    >>> hands_on("python train.py"), hands_on("sh -c 'python train.py'"), hands_on("sh -c 'python train.py $@' sh")
    (True, False, True)
    """
    words = shlex.split(command)
    shell = next((i for i, word in enumerate(words) if word.rpartition("/")[2] in SHELLS), None)
    if shell is None or "-c" not in words[shell:]:
        return True
    text, *behind = [*words[words.index("-c", shell) + 1 :], ""]
    return bool(re.search(r"\$\{?[@*1]", text)) and len(behind) > 1


def _compiles(pattern: str) -> str:
    """Refuse a pattern that does not compile, or without the groups that a curve needs."""
    try:
        groups = set(re.compile(pattern).groupindex)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"a regular expression ({error})") from None
    if not {"step", "loss"} <= groups <= {"step", "loss", "lr", "grad_norm"}:
        raise ValueError("a pattern with the groups (?P<step>…) and (?P<loss>…), and lr and grad_norm where they are printed")
    return pattern


class CurveFile(Section):
    """A curve in a file: JSON lines, CSV, TensorBoard's event files or trainer_state.json, by its name."""

    file: Annotated[Text, Field(min_length=1)]
    """file or glob: .jsonl | .csv | tfevents, or their folder | trainer_state.json"""
    step: Text
    """name of the number of updates; TensorBoard has steps of its own"""
    loss: Text
    """name of the validation loss, in nats"""
    lr: Text | None
    """name of the learning rate; null where it is not logged"""
    grad_norm: Text | None
    """name of the gradient norm before clipping; null where it is not logged"""


class CurvePattern(Section):
    """A curve in what the script prints."""

    pattern: Annotated[Text, AfterValidator(_compiles)]
    """regular expression over stdout with the groups step, loss, lr, grad_norm; each match is a row"""


class Script(Section):
    """A person's training script."""

    command: Annotated[Text, AfterValidator(_splits)]
    """command with {names} of the space, {until}, {steps}, {seed} and {dir}; no shell reads it, and {{x}} is {x} itself"""
    reads: Texts
    """files and globs that a trial depends on, beside its values: the script, its modules, its data"""
    curve: CurveFile | CurvePattern
    """where the validation loss stands: {file, step, loss, lr, grad_norm} or {pattern}"""
    resume: bool
    """true: a call goes on from what the one before saved in {dir} | false: one call, ended at the rung that stops it"""

    @property
    def words(self) -> frozenset[str]:
        """The words in braces that the command uses."""
        return words_of(self.command)

    @property
    def logs_lrs(self) -> bool:
        """Whether the script logs its learning rate."""
        return self._logs("lr")

    def _logs(self, name: str) -> bool:
        curve = self.curve
        return f"(?P<{name}>" in curve.pattern if isinstance(curve, CurvePattern) else getattr(curve, name) is not None


def words_of(text: str) -> frozenset[str]:
    """Give the words in braces of a text, without those in two pairs."""
    return frozenset(found[2] for found in _WORD.finditer(text) if found[2])


def arguments(command: str, values: Mapping[str, Value]) -> list[str]:
    """Split a command into words, then put values in: no value can become a second word.

    >>> arguments("python train.py --lr {lr} 'a b'", {"lr": 3e-4})
    ['python', 'train.py', '--lr', '0.0003', 'a b']
    """
    return [put(word, values) for word in shlex.split(command)]


def put(text: str, values: Mapping[str, Value]) -> str:
    """Put values in for the words in braces; others stay, and those in two pairs lose one.

    >>> put("awk {{print}} {lr} {other}", {"lr": 0.1})
    'awk {print} 0.1 {other}'
    """
    return _WORD.sub(lambda found: f"{{{found[1]}}}" if found[1] else str(values.get(found[2], found[0])), text)


def unknown(words: Iterable[str], names: Iterable[str]) -> list[str]:
    """Give the words of a command that are neither names of the space nor ours."""
    return sorted(set(words) - set(names) - set(OWN))
