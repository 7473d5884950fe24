"""The figure of a law: what its table holds, and that it is drawn with the same bytes."""

import pytest

from lrsweep.analysis.law import law_of
from lrsweep.figures.law import law
from tests.analysis.test_law import EXPONENTS, grid

TARGET = {"N": 1e9, "D": 1e10}


def test_profiles_lie_on_the_line_of_an_exact_law():
    found = law_of(grid(N=(1e7, 1e8), D=(1e8, 1e9, 1e10)), TARGET, 0, 0)
    data = law.prepare(found)
    assert data.groupby(["column", "series"]).size().to_dict() == {
        (name, series): count for name in TARGET for series, count in (("law", 2), ("profile", 6), ("target", 1))
    }
    for name, at in TARGET.items():
        for row in data[(data["column"] == name) & (data["series"] == "profile")].itertuples():
            on_line = found.lr.value * (row.size / at) ** EXPONENTS[name]
            assert row.lr == pytest.approx(on_line, rel=0.25) and row.lr_low < row.lr < row.lr_high


@pytest.mark.parametrize("columns", [("N",), ("N", "D")])
def test_it_is_drawn_with_the_same_bytes(columns):
    target = {name: TARGET[name] for name in columns}
    found = law_of(grid(**dict.fromkeys(columns, (10000000.0, 100000000.0))), target, 0, 0)
    data = law.prepare(found)
    first = law.render(data, {"Title": "law"})
    assert first == law.render(data, {"Title": "law"}) and first[0].count(b"axes_") >= len(columns)
