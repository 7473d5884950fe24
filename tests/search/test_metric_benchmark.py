"""The comparison of a study steered by M_u with one steered by the loss: pairs of a seed, by hand."""

import pandas as pd
import pytest
from benchmarks import metric
from benchmarks.outcomes import NATS


def test_pairs_are_of_a_seed_and_the_missing_are_counted():
    """M_u is 10, 20, 30, 40 % worse, and has no complete trial in the fifth seed; another number of workers is not looked at."""
    rows = []
    for seed, factor in enumerate((1.1, 1.2, 1.3, 1.4, None)):
        for name, nats in ((metric.LOSS, 2.0), (metric.M_U, None if factor is None else 2.0 * factor)):
            marks = dict.fromkeys(NATS.values(), nats)
            rows += [{"pool": "p", "contestant": name, "workers": workers, "seed": seed, **marks} for workers in (8, 32)]
    found = metric.compare(pd.DataFrame(rows).astype(dict.fromkeys(NATS.values(), float)).query("workers == 8 or seed == 0"))
    assert [row["steps"] for row in found] == [1500, 3000, 6000]
    first = found[0]
    assert (first["pairs"], first["without"], first["m_u_better_in"]) == (4, 1, 0.0)
    assert first["m_u_worse_percent"] == pytest.approx(25) and first["low"] == pytest.approx(25 - 20.54, abs=0.01)
