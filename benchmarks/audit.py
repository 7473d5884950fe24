"""How often the intervals that `assess` states hold the truth, in planted studies.

    python -m benchmarks.audit --studies 400

A trial has a loss at a rung and a final loss. Their logs are normal with a planted correlation, so Spearman's and Kendall's are
known too (Kruskal 1958). The half with the higher losses at the rung is stopped, and the audit draws from it as params.yaml has
it. Another metric, which is noisier, is compared with the loss at the rung over the same trials.

Writes docs/benchmarks/audit.csv.
"""

import argparse
import math
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.frame import FOLDER
from benchmarks.our_studies import PARAMS
from benchmarks.world import draws
from lrsweep import files
from lrsweep.analysis.assessment import audit
from lrsweep.analysis.ranks import kendall_within
from lrsweep.analysis.relations import Known
from lrsweep.search.repeats import audit_sample
from lrsweep.search.trial import COMPLETE, PRUNED

TRIALS, CORRELATIONS, NOISIER = (41, 128), (0.3, 0.7, 0.9), 0.8
RUNG, END = 30, 300  # steps
GOAL = 0.93


def spearman(correlation: float) -> float:
    """Spearman's correlation of two normal variables with Pearson's correlation."""
    return 6 / math.pi * math.asin(correlation / 2)


def assessed(count: int, correlation: float, seed: int) -> dict[str, float]:
    """Play a study and its audit: 1 where an interval holds the truth, 0 where not, and the interval's width."""
    random, section = draws(seed, f"audit/{count}/{correlation}"), PARAMS.assess
    early, late, other = random.normal(size=(3, count))
    late = correlation * early + math.sqrt(1 - correlation**2) * late
    other = NOISIER * early + math.sqrt(1 - NOISIER**2) * other
    stopped = early > np.median(early)
    table = pd.DataFrame(
        {
            "trial": range(count),
            "state": np.where(stopped, PRUNED, COMPLETE),
            "steps": np.where(stopped, RUNG, END),
            "last_loss_nats": np.exp(np.where(stopped, early, late)),
            "final_loss_nats": np.exp(np.where(stopped, np.nan, late)),
        }
    )
    stands_for = {one.trial: one.stands_for for one in audit_sample(table.to_dict("records"), section.audit_trials, seed)}
    chosen = sorted(stands_for)
    audited = pd.DataFrame({"trial": chosen, "final_loss_nats": np.exp(late[chosen]), "steps": END})
    stated = audit(table, audited, stands_for, END, section.best_share)
    best = np.argsort(late)[: math.ceil(section.best_share * count)]
    table.loc[chosen, "state"], table.loc[chosen, "final_loss_nats"] = COMPLETE, np.exp(late[chosen])
    ends = Known(table, stands_for, section, seed)
    first, second = (dict(enumerate(one.tolist())) for one in (early, other))
    ranked, apart = ends.correlate(first, ends.ends), ends.compare("apart", second, first)
    weights_N = np.array([stands_for.get(trial, 1.0) for trial in sorted(ends.ends)])
    pairs = kendall_within(early[sorted(ends.ends)], late[sorted(ends.ends)], weights_N)
    truths = {
        "spearman": (ranked.low, ranked.high, spearman(correlation)),
        "kendall": (pairs.low, pairs.high, 2 / math.pi * math.asin(correlation)),
        "difference": (apart.low, apart.high, spearman(correlation * NOISIER) - spearman(correlation)),
        "share": (stated.share_low, stated.share_high, float(stopped[best].sum() / stopped.sum())),
    }
    held = {name: float(low <= truth <= high) for name, (low, high, truth) in truths.items()}
    return {**held, **{f"{name}_width": high - low for name, (low, high, _) in truths.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, required=True)
    studies, rows = parser.parse_args().studies, []
    for count in TRIALS:
        for correlation in CORRELATIONS:
            found = pd.DataFrame([assessed(count, correlation, seed) for seed in range(studies)]).mean()
            met = bool((found[["spearman", "kendall", "difference", "share"]] >= GOAL).all())
            rows.append({"trials": count, "correlation": correlation, "studies": studies, **found, "goal": GOAL, "met": met})
            print(rows[-1], flush=True)
    write = partial(pd.DataFrame(rows).to_csv, index=False, float_format="%.3g", lineterminator="\n")
    files.write_text(FOLDER / "audit.csv", write())


if __name__ == "__main__":
    main()
