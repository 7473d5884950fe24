"""Losses at their ends in every figure: each is prepared, described and drawn."""

import math
from itertools import cycle

import pytest
from pandas.api.types import is_numeric_dtype

from lrsweep import figures
from lrsweep.figures.figure import Canvas
from lrsweep.logs.measurement import LARGEST, LEAST
from lrsweep.search.trial import DIVERGED, PRUNED
from lrsweep.space import Space
from lrsweep.store.columns import TABLES
from tests.figures.test_figures import prepare, tables
from tests.spaces import OPEN, USUAL, held

MEASURED = ("value", "threshold", "metric", "m_u", "grad_norm", "u")  # beside the columns in nats
ENDS = [-3.0, 0.0, LEAST, 2.0, math.nextafter(2.0, 3.0), LARGEST, -LARGEST]


def with_losses(values: list[float], space: Space = USUAL):
    """Every table with these values, one after the other, in each column of losses or norms; NaN where a trial diverged."""
    found, ends = tables(space=space), cycle(values)
    for name, table in found.items():
        for column in TABLES[name]:
            plain, may_miss = column.rstrip("?"), column.endswith("?")
            if plain.endswith("_nats") or (plain.startswith(MEASURED) and is_numeric_dtype(table[plain])):
                row = [next(ends) for _ in range(len(table))]
                table = table.assign(**{plain: [2.0 if math.isnan(one) and not may_miss else one for one in row]})
        if {"state", "final_loss_nats"} <= set(table.columns):
            table = table.assign(
                state=table["state"].where(table["final_loss_nats"].notna() | (table["state"] == PRUNED), DIVERGED)
            )
        found[name] = held(table, space)
    return found


@pytest.mark.parametrize("space", [USUAL, OPEN], ids=["usual", "six names"])
@pytest.mark.parametrize("values", [[-3.0], [0.0], [2.0], [math.nan], [LARGEST], ENDS, [*ENDS, math.nan]], ids=str)
@pytest.mark.filterwarnings("error")
def test_every_figure_is_prepared_and_described(values, space):
    for name, data in prepare(with_losses(values, space)).items():
        assert "nan" not in data.to_csv(index=False), name
        if shows := figures.FIGURES[name].shows:
            assert not {"nan", "inf", "None"} & set(shows(data).replace(",", " ").split()), name


@pytest.mark.parametrize("values", [[-3.0], [*ENDS, math.nan]], ids=str)
@pytest.mark.filterwarnings("error")  # also where no room is left for the axes
def test_every_figure_is_drawn(values, monkeypatch):
    save = Canvas.savefig
    monkeypatch.setattr(Canvas, "savefig", lambda self, to, **how: how["format"] == "svg" and save(self, to, **how))
    for name, data in prepare(with_losses(values)).items():
        assert figures.FIGURES[name].render(data, {"Title": name})[0].startswith(b"<?xml"), name
