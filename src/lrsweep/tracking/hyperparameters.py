"""The configurations of runs as people have them: nested, as {value: …}, or as text; and what differs in them between runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrsweep.errors import UserError
from lrsweep.space import Choice, Dimension, Int, Value
from lrsweep.tracking import numbers
from lrsweep.tracking.sources import History

LONGEST = 16  # entries of a list that have names of their own
SHOWN = 8  # names in a message


def flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Give the values by dotted names: optimizer.lr, betas.1. {desc: …, value: …} is its value. W&B's own are left out."""
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and "value" in value and set(value) <= {"desc", "value"}:
            value = value["value"]
        if name == "_wandb":
            continue
        yield name, value
        if isinstance(value, list) and len(value) <= LONGEST:
            value = {str(number): one for number, one in enumerate(value)}
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")


def value(history: History, name: str, theirs: str, one: Dimension | str, limits: TypeAdapter, *, has_lrs: bool) -> Value:
    """Read a hyperparameter: one of the choices, or a number that the trainer takes.

    has_lrs: the learning rates of steps were logged, so that the highest may stand for the maximum.

    Raises:
        UserError: it is not there, or another value.
    """
    config = dict(flat(history.config))
    if theirs not in config:
        raise UserError(f"{history.place}: config.{theirs}: not there, found {_listed(config)}; {_where(name, has_lrs)}")
    said, key = config[theirs], f"{history.place}: config.{name}"
    if isinstance(one, Choice):
        for choice in one.choices:  # CSV has text alone
            if said == choice or str(said) == str(choice):
                return choice
        raise UserError(f"{key}: found {said!r:.60}, expected one of {', '.join(map(str, one.choices))}; correct it")
    found = (numbers.whole if isinstance(one, Int) else numbers.number)(history.place, f"config.{theirs}", said)
    return checked(key, found, one, limits)


def checked(key: str, found: float, one: Dimension | str, limits: TypeAdapter) -> Value:
    """Hold a number against what the trainer takes and against the scale of its range.

    Raises:
        UserError: it does not fit.
    """
    try:
        limits.validate_python(found)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise UserError(f"{key}: found {found}, expected {message}; correct it") from None
    if not isinstance(one, str) and one.is_log and found <= 0:
        raise UserError(f"{key}: found {found:g}, expected greater than 0: its logarithm is clustered; correct it")
    return found


def seed(history: History) -> int:
    """Read the seed that the run was trained with; 0 where there is none.

    Raises:
        UserError: it is no seed.
    """
    said = dict(flat(history.config)).get("seed")
    found = 0 if said is None else numbers.whole(history.place, "config.seed", said)
    if not 0 <= found < 2**63:
        raise UserError(f"{history.place}: config.seed: found {found}, expected 0 to 2^63 - 1; correct it")
    return found


def require_one_run(history: History, read: Iterable[str]) -> None:
    """Make sure that the pieces of a run have one configuration, as far as it is read.

    Raises:
        UserError: they are of several runs that share a name.
    """
    first: dict[str, Any] = {}
    for part in history.parts:
        own = dict(flat(part.config))
        for key in (*read, "seed"):
            if key in own and key in first and own[key] != first[key]:
                raise UserError(
                    f"{part.place}: config.{key}: found {own[key]!r:.60}, and {first[key]!r:.60} in {history.place}, expected"
                    f" pieces of one run; where several runs are called {history.id}, each needs its ID: run.id, not run.name"
                )
        first = {**own, **first}


def require_schedule(history: History, schedule: Mapping[str, Value]) -> None:
    """Make sure that a run does not say of its schedule what params.yaml contradicts.

    Raises:
        UserError: it does; the key is named.
    """
    config = dict(flat(history.config))
    for key, own in schedule.items():
        name = key.rpartition(".")[2]
        said = config.get(name)
        if isinstance(said, int | float | str) and str(said) != str(own) and _as_number(said) != own:
            raise UserError(
                f"{history.place}: config.{name}: found {said!r:.60}, and {key} is {own}, expected one schedule, since the"
                f" learning rates are worked out from it; set {key} to {said}"
            )


def _as_number(said: Value) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def differing(histories: Sequence[History], read: Iterable[str]) -> list[str]:
    """Name the settings that differ between runs and are not read, each with some of its values; those with few values first."""
    configs = [dict(flat(history.config)) for history in histories]
    unread = dict.fromkeys(key for config in configs for key in config)
    logged = {key for history in histories for _, row in history.rows for key in row}  # a table of runs has their last values
    for key in (*read, *logged, "trial", "seed", "state", "steps", "proposal", "rungs"):
        unread.pop(key, None)
    found = []
    for key in unread:
        values = dict.fromkeys(str(config[key])[:20] if key in config else "nothing" for config in configs)
        nested = any(isinstance(config.get(key), Mapping | list) for config in configs)
        if len(values) > 1 and not nested:
            shown = ", ".join(islice(values, 3)) + (f", … {len(values)} values" if len(values) > 3 else "")
            found.append((len(values), f"{key} ({shown})"))
    return [text for _, text in sorted(found, key=lambda one: one[0])]


def _listed(config: Mapping[str, Any]) -> str:
    names = sorted(config)
    return ", ".join(names[:30]) + (", …" if len(names) > 30 else "") if names else "no configuration at all"


def _where(name: str, has_lrs: bool) -> str:
    remedy = f"say what it is called: --name config.{name}=THEIRS"
    if name == "lr" and has_lrs:
        remedy += ", or take the highest learning rate that was logged: --name config.lr="
    return f"{remedy}; or name a table of the runs beside the others: CSV with columns Name and {name}"
