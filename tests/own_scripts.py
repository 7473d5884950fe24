"""The examples as a person starts them, for tests of a script of one's own."""

import shutil

from tests.pipeline import ROOT, run

EXAMPLES = ROOT / "examples"
METRICS = "file={dir}/metrics.jsonl,step=step,loss=val_loss,lr=lr,grad_norm=grad_norm"
STARTS = {
    "plain.py": (
        "python plain.py --lr {lr} --weight-decay {weight_decay} --until {until} --steps {steps} --seed {seed} --out {dir}",
        "file={dir}/log.csv,step=step,loss=val_loss,lr=lr,grad_norm=norm",
    ),
    "any.sh": (
        "sh any.sh lr={lr} optim.wd={weight_decay} until={until} seed={seed} dir={dir}",
        r"pattern=step=(?P<step>\d+) val_loss=(?P<loss>\S+)",
    ),
    "hf.py": ("python hf.py {dir}", METRICS),
    "jax_optax.py": (
        "python jax_optax.py lr={lr} weight_decay={weight_decay} b2={b2} until={until} steps={steps} seed={seed} out={dir}",
        "file={dir}/log.jsonl,step=step,loss=val_loss,lr=lr,grad_norm=norm",
    ),
    "hydra_overrides.py": (
        "python hydra_overrides.py lr={lr} optim.wd={weight_decay} optim.name={optimizer} until={until} steps={steps} seed={seed}"
        " hydra.run.dir={dir} hydra.job.chdir=true",
        "file={dir}/log.jsonl,step=step,loss=val_loss,lr=lr",
    ),
}
SPACES = {"hf.py": "warmup_steps=1:20:log:int", "jax_optax.py": "b2=0.9:0.999", "hydra_overrides.py": "optimizer=adamw,sgd"}
NEEDED = {"hf.py": ("transformers", "accelerate"), "jax_optax.py": ("jax", "optax"), "hydra_overrides.py": ("hydra",)}
SMALL = {
    "sweep_uniform": {"trials": 6, "lr": {"min": 0.001, "max": 0.3, "scale": "log"}},
    "sweep_bayes": {"trials": 12, "lag": 4},
    "importance": {"trees": 4, "bootstrap": 20, "fewest_trials": 4},
    "assess": {"audit_trials": 2, "bootstrap": 100, "orders": 5},
    "select": {"candidates": 2, "seeds": 3, "budget": 8},
    "train": {"steps": 80},
}


def start(folder, name, *more):
    """Make a folder with an example in it, and begin a study of it; give how that ended."""
    folder.mkdir(exist_ok=True)
    shutil.copy(EXAMPLES / name, folder)
    command, curve = STARTS[name]
    space = [word for one in ("weight_decay=1e-3:1e-1:log", SPACES.get(name)) if one for word in ("--space", one)]
    return run(folder, "lrsweep", "init", "--command", command, "--read", name, "--curve", curve, *space, "--steps", "40", *more)
