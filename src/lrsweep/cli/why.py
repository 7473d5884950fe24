"""The command that explains a spike of a trial, or where it broke."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from lrsweep.cli.questions import PANEL, Json, Picture
from lrsweep.config import checking
from lrsweep.config.checking import PARAMS
from lrsweep.store.results import FOLDER, Results
from lrsweep.terminal import note, say

if TYPE_CHECKING:
    from lrsweep.stages.why import Why

app = typer.Typer()
SHOWN = 4  # weights in a sentence


@app.command(rich_help_panel=PANEL, epilog="Example: lrsweep why 9 --figure why.png")
def why(
    trial: Annotated[int, typer.Argument(help="The number of the trial.")],
    step: Annotated[int | None, typer.Option(help="The step to explain; by default the greatest rise, or the break.")] = None,
    stage: Annotated[str, typer.Option(help="The study of the trial, by its stage.")] = "sweep_uniform",
    as_json: Json = False,
    figure: Picture = None,
) -> None:
    """Say why a trial spiked or broke: train it again up to there, measure its weights, and try what would have prevented it."""
    from lrsweep.stages.why import run

    params = checking.load(PARAMS)
    found = run(params, Results(FOLDER), stage, trial, step)
    say(json.dumps(found.described(), indent=2) if as_json else "\n".join(_lines(found)))
    if figure and found.seen:
        from lrsweep.figures.why import why as drawn

        data = drawn.prepare(found.rise, params.edge.spike_factor, found.seen.norms, found.seen.outcomes)
        drawn.save(figure, data)
    elif figure:
        note(f"{figure}: not drawn, since nothing was trained")


def _lines(found: "Why") -> Iterator[str]:
    from lrsweep.stages.why import AFTER, LEAD

    rise, seen = found.rise, found.seen
    values = (f"{name} {_number(value) if isinstance(value, float) else value}" for name, value in found.values.items())
    yield f"{found.stage} trial {found.trial}: {', '.join(values)}; {found.state}"
    norm = f"gradient norm {_number(rise.grad_norm)}, {_number(rise.multiple)} times the median of the {rise.window} steps before"
    yield f"step {rise.step}: " + ("training broke" if rise.kind == "break" else f"{norm}: a {rise.kind}")
    if seen:
        differs = f"other bits than recorded from step {seen.differs_at} on"
        yield "trained again: " + (differs if seen.differs_at else "the same bits as recorded")
        risen = (part for part in found.parts[:SHOWN] if part.since and (part.gradient or part.since < rise.step))
        for place, part in enumerate(risen):
            times = f"{_number(part.gradient)} times its median at step {rise.step}, its update {_number(part.update)} times"
            yield f"{'then ' if place else 'first'} {part}: gradient up from step {part.since} on, {times}"
        others = [loss for loss in seen.batch.others_nats if loss is not None]
        span = f"{_number(min(others))} to {_number(max(others))}" if others else "n/a"
        worst = f"the worst text {_number(seen.batch.worst_nats)}: {seen.batch.text!r}"
        yield f"batch: loss {_number(seen.batch.loss_nats)} nats, others at the same weights {span}; {worst}"
        highest = f"the highest norm of steps {max(1, rise.step - LEAD)} to {rise.step + AFTER} by the same median"
        yield f"trained with one change, {highest}:"
    for test in found.tests:
        rate = f"; {test.spiking} of {test.runs} runs on other batches spike" if test.runs else ""
        yield f"  {test.name:<31} {_number(test.multiple):>6} times, {'a spike' if test.spikes else 'no spike'}{rate}"
    yield f"verdict: {found.verdict.says}"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3g}"
