"""JAX with optax, and no line of lrsweep: a small network on a made-up function, with checkpoints.

lrsweep init --read jax_optax.py --space weight_decay=1e-3:1e-1:log --space b2=0.9:0.999
  --curve 'file={dir}/log.jsonl,step=step,loss=val_loss,lr=lr,grad_norm=norm'
  --command 'python jax_optax.py lr={lr} weight_decay={weight_decay} b2={b2} until={until} steps={steps} seed={seed} out={dir}'
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
import optax
from jax import numpy as jnp
from jax.flatten_util import ravel_pytree

said = dict(word.split("=", 1) for word in sys.argv[1:])
until, steps, key = int(said["until"]), int(said["steps"]), jax.random.key(int(said["seed"]))
schedule = optax.cosine_decay_schedule(float(said["lr"]), steps)
optimizer = optax.adamw(schedule, b2=float(said["b2"]), weight_decay=float(said["weight_decay"]))


def loss(params: dict[str, jax.Array], inputs: jax.Array) -> jax.Array:
    """Give the loss of a network that is to name the largest product of a pair of inputs."""
    classes = (inputs[:, :4] * inputs[:, 4:]).argmax(1)
    logits = jnp.tanh(inputs @ params["in"]) @ params["out"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, classes).mean()


@jax.jit
def update(params, state, key):
    """Make one update; give the norm of the gradient too."""
    gradient = jax.grad(loss)(params, jax.random.normal(key, (64, 8)))
    updates, state = optimizer.update(gradient, state, params)
    return optax.apply_updates(params, updates), state, optax.global_norm(gradient)


first, second = jax.random.split(jax.random.fold_in(key, steps))
params = {"in": jax.random.normal(first, (8, 32)) / 3, "out": jax.random.normal(second, (32, 4)) / 6}
step, valid = 0, jax.random.normal(jax.random.key(0), (512, 8))
numbers, shaped = ravel_pytree((params, optimizer.init(params)))
saved = Path(said["out"], "state.npz")
if saved.exists():
    state = np.load(saved)
    step, numbers = int(state["step"]), jnp.asarray(state["numbers"])
params, state = shaped(numbers)
with Path(said["out"], "log.jsonl").open("a") as log:
    while step < until:
        lr = float(schedule(step))
        params, state, norm = update(params, state, jax.random.fold_in(key, step))
        step += 1
        row = {"step": step, "lr": lr, "norm": float(norm)}
        if step % 10 == 0 or step == until:
            row["val_loss"] = float(loss(params, valid))
        log.write(json.dumps(row) + "\n")
np.savez(saved, step=step, numbers=np.asarray(ravel_pytree((params, state))[0]))
