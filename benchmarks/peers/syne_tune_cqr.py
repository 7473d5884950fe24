"""Syne Tune's ASHA with conformal quantile regression (CQR), in the environment of make env-syne-tune."""

from functools import partial

from syne_tune.optimizer.baselines import ASHACQR

from benchmarks.peers.syne_tune_asha import ETA, SyneTuneSearch

CONTESTANTS = {
    "Syne Tune ASHA CQR, factor 2": partial(SyneTuneSearch, scheduler=ASHACQR, factor=ETA),
    "Syne Tune ASHA CQR, factor 3 (its default)": partial(SyneTuneSearch, scheduler=ASHACQR, factor=3),
}
