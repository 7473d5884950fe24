"""The tables of results/: the columns of each, with type and meaning.

In a table of configurations VALUES stands for one column for each name of their space.
"""

from collections.abc import Mapping

VALUES = "*"

# column: (type, meaning with its unit). A column ending in ? may be null.
Columns = Mapping[str, tuple[str, str]]

_TRIAL = {"trial": ("int32", "number of the trial in its study")}
_EVAL = {
    "step": ("int32", "steps trained"),
    "lr?": ("float64", "learning rate at this step; null where the trainer does not say it"),
    "loss_nats": ("float64", "loss on the fixed validation batches"),
}
_STEP = {
    "step": ("int32", "step, from 1"),
    "lr": ("float64", "learning rate of this step; NaN in these three where the trainer does not say it"),
    "loss_nats": ("float64", "loss on the training batch, before the step"),
    "grad_norm": ("float64", "gradient norm before clipping"),
}
_VALUES: Columns = {VALUES: ("", "a column for each name of the study's space")}
_COMPONENTS = {
    "trailing_mean_nats?": ("float64", "mean loss of the last evals, as many as the window"),
    "minimum_nats?": ("float64", "least loss so far"),
    "reference_nats?": ("float64", "r: mean loss of the window of evals before this one"),
    "u?": ("float64", "u: term of this eval in M_u"),
    "m_u?": ("float64", "M_u up to this eval"),
}

TABLES: Mapping[str, Columns] = {
    "trials": {
        **_TRIAL,
        "state": ("string", "COMPLETE, PRUNED (stopped at a rung) or DIVERGED (non-finite loss)"),
        "steps": ("int32", "steps trained"),
        **_VALUES,
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "last_loss_nats?": ("float64", "loss at the last finite eval, wherever the trial ended"),
        "final_loss_nats?": ("float64", "loss at the last step; null unless COMPLETE"),
        "metric?": ("float64", "steering metric at the last eval"),
        "m_u?": ("float64", "M_u at the last eval"),
    },
    "evals": {**_TRIAL, **_EVAL, **_COMPONENTS},
    "steps": {**_TRIAL, **_STEP},
    "rungs": {
        **_TRIAL,
        "rung": ("int32", "resource level, in steps"),
        "value": ("float64", "steering metric at the rung"),
        "references": ("int32", "number of trials that it was compared with"),
        "threshold?": ("float64", "greatest value that goes on; null where there was no other trial to compare with"),
        "stopped": ("bool", "whether the trial was stopped here"),
    },
    "proposals": {
        **_TRIAL,
        **_VALUES,
        "sampler": ("string", "uniform, sobol, mfgp, gp or tpe"),
        "n_complete": ("int32", "COMPLETE trials in sight"),
        "n_pruned": ("int32", "PRUNED trials in sight"),
        "n_diverged": ("int32", "DIVERGED trials in sight"),
        "n_pending": ("int32", "earlier trials not in sight"),
        "seed": ("int64", "seed of the sampler"),
        "expected_gain?": (
            "float64",
            "expected improvement on the best true value so far, in the metric's unit; mfgp alone",
        ),
        "noise?": ("float64", "standard deviation between seeds at the end, in the metric's unit, as the sampler estimates it"),
    },
    "bins": {
        "stage": ("string", "warm-up or decay"),
        "lr_low": ("float64", "lower border of the bin, learning rate"),
        "lr_high": ("float64", "upper border of the bin, learning rate"),
        "n_steps": ("int32", "steps in the bin"),
        "grad_norm_p05?": ("float64", "5 % quantile of the gradient norm before clipping"),
        "grad_norm_p50?": ("float64", "median"),
        "grad_norm_p95?": ("float64", "95 % quantile"),
        "spike_rate?": ("float64", "share of the steps that are spikes"),
    },
    "probes": {
        "trial": ("int32", "number of the run"),
        "part": ("string", "in warm-up or after warm-up"),
        "max_lr": ("float64", "maximum learning rate of the run"),
        "step": ("int32", "update that is measured before it is made, from 1"),
        "lr": ("float64", "learning rate of this update"),
        "loss_nats": ("float64", "loss on the batch of the update, before it"),
        "grad_norm": ("float64", "gradient norm before clipping"),
        "clip": ("float64", "share of the gradient that clipping leaves"),
        "critical_low_lr?": (
            "float64",
            "highest learning rate tried at which a step along the update lowers the loss; null for none",
        ),
        "critical_high_lr?": ("float64", "lowest one tried at which it does not; null for none"),
        "critical_lr?": ("float64", "critical learning rate: the middle of the two"),
        "eigenvalue?": ("float64", "greatest eigenvalue of the preconditioned Hessian; null where it is not finite"),
        "eigenvalue_error?": ("float64", "bound on the distance to a true eigenvalue"),
        "products": ("int32", "number of Hessian-vector products"),
        "threshold": ("float64", "eigenvalue above which full-batch Adam is unstable at this learning rate"),
    },
    "assignments": {
        **_TRIAL,
        "cluster": ("int32", "cluster, 0 has the lowest mean final loss"),
        "silhouette": ("float64", "silhouette of the trial, -1 to 1"),
    },
    "shapes": {
        **_TRIAL,
        "rank": ("int32", "rank of the final loss among the complete trials, 1 is the best"),
        "final_loss_nats": ("float64", "loss at the last step"),
        "warmup_flatness?": ("float64", "share of the whole drop of the loss that comes after warm-up"),
        "steepest_nats_per_step?": ("float64", "greatest drop between two evals"),
        "steepest_step?": ("float64", "middle of these two evals, in steps"),
        "convexity?": ("float64", "convexity of the curve after it: 1 where the drop comes at once, 0 evenly, -1 at the end"),
    },
    "audited": {
        **_TRIAL,
        "stands_for": ("float64", "number of pruned trials that this one was sampled from"),
        "final_loss_nats?": ("float64", "loss at the last step; null where it diverged"),
        **_EVAL,
        **_COMPONENTS,
    },
    "correlations": {
        "metric": ("string", "loss, trailing_mean, minimum or m_u"),
        "rung": ("int32", "resource level, in steps"),
        "n": ("int32", "complete and audited trials behind the numbers"),
        "spearman?": ("float64", "rank correlation with the final loss"),
        "spearman_low?": ("float64", "lower end of its 95 % interval"),
        "spearman_high?": ("float64", "upper end of its 95 % interval"),
        "kendall?": ("float64", "Kendall's tau-b with the final loss"),
        "kendall_low?": ("float64", "lower end of its 95 % interval"),
        "kendall_high?": ("float64", "upper end of its 95 % interval"),
    },
    "replay": {
        "rule": ("string", "stopping rule"),
        "metric": ("string", "metric that the rule compares"),
        "order": ("int32", "number of the random order"),
        "steps": ("int64", "steps trained under the rule"),
        "best_loss_nats": ("float64", "final loss of the best trial that was kept"),
        "stopped": ("int32", "trials stopped"),
    },
    "replicates": {
        "replicate": ("int32", "number of the training run"),
        "candidate": ("int32", "0 is the default, the others are trials of phase 2"),
        "trial?": ("int32", "the candidate's trial in phase 2; null for the default"),
        "round?": ("int32", "round of the race, from 0; null where the run confirms the winner or the default"),
        "stays": ("bool", "whether the candidate is still in the race after this round"),
        **_VALUES,
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "state": ("string", "COMPLETE or DIVERGED"),
        "final_loss_nats?": ("float64", "loss at the last step; null where it diverged"),
    },
    "refined": {
        "run": ("int32", "number of the run"),
        "about": ("string", "what it was placed to find: best LR or maximum stable LR"),
        "lr": ("float64", "maximum learning rate"),
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "state": ("string", "COMPLETE or DIVERGED"),
        "final_loss_nats?": ("float64", "loss at the last step; null where it diverged"),
        "unstable?": ("bool", "whether training broke; null where that is not known"),
    },
    "profiles": {
        "proxy": ("int32", "number of the proxy: a length, a size and a batch"),
        "run": ("int32", "number of its run, in the order of placement"),
        "steps": ("int32", "length of the run"),
        **_VALUES,
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "state": ("string", "COMPLETE or DIVERGED"),
        "final_loss_nats?": ("float64", "loss at the last step; null where it diverged"),
    },
    "ablated_profiles": {
        "variant": ("string", "name of the variant; baseline for the selected configuration"),
        "run": ("int32", "number of its run, in the order of placement"),
        "purpose": ("string", "why it is at its LR: ladder, seed, best or edge"),
        **_VALUES,
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "state": ("string", "COMPLETE or DIVERGED"),
        "broken": ("bool", "whether it diverged, or learned less than ablate.broken of what the baseline did"),
        "final_loss_nats?": ("float64", "loss at the last step; null where it diverged"),
    },
    "final_evals": dict(_EVAL),
    "final_steps": dict(_STEP),
}
