"""One study steered by M_u beside one steered by the loss, at equal steps, on the recorded pools.

    python -m benchmarks.metric

Plays nothing: it compares the outcomes that `benchmarks.search` has recorded (docs/benchmarks/search_outcomes.parquet), of the
same worlds and seeds. In both studies one metric guides the proposals and stops trials, with the first rung at step 80, since M_u
has no term before. The loss is the true one of the best complete trial so far; the interval is Student's of the paired
differences. Writes docs/benchmarks/metric.csv.
"""

from functools import partial

import numpy as np
import pandas as pd

from benchmarks.frame import FOLDER
from benchmarks.outcomes import NATS, TABLE
from lrsweep import files
from lrsweep.analysis.noise import Estimate, Noise

LOSS, M_U = (f"ours, rung 80, objective {name}, stopped by {name}" for name in ("loss", "M_u"))
WORKERS = 8


def compare(outcomes: pd.DataFrame) -> list[dict[str, object]]:
    """Give a row for each pool and number of steps; a pair in which a study has no complete trial yet is left out."""
    known, rows = outcomes[outcomes["workers"] == WORKERS], []
    for pool, part in known.groupby("pool", sort=False):
        by_seed = {name: part[part["contestant"] == name].set_index("seed") for name in (LOSS, M_U)}
        for mark, column in NATS.items():
            pairs = pd.DataFrame({name: one[column] for name, one in by_seed.items()})
            both = pairs.dropna()
            shares = (100 * (both[M_U] / both[LOSS] - 1)).tolist()
            found = Estimate.of(shares, Noise.of([shares]))
            medians = {"loss_nats": both[LOSS].median(), "m_u_nats": both[M_U].median()}
            row = {"pool": pool, "steps": int(mark), "pairs": len(both), "without": len(pairs) - len(both), **medians}
            worse = (found.mean_nats, found.low_nats, found.high_nats) if found else (None,) * 3
            gap = dict(zip(("m_u_worse_percent", "low", "high"), worse, strict=True))
            rows.append({**row, **gap, "m_u_better_in": float(np.mean(both[M_U] < both[LOSS])) if len(both) else None})
    return rows


def main() -> None:
    rows = pd.DataFrame(compare(pd.read_parquet(TABLE)))
    print(rows.round(3).to_string(index=False))
    files.write_text(FOLDER / "metric.csv", partial(rows.to_csv, index=False, float_format="%.4g", lineterminator="\n")())


if __name__ == "__main__":
    main()
