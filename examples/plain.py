"""Plain PyTorch with argparse, and no line of lrsweep: a small network on a made-up function, with checkpoints.

lrsweep init --read plain.py --space weight_decay=1e-3:1e-1:log
  --curve 'file={dir}/log.csv,step=step,loss=val_loss,lr=lr,grad_norm=norm'
  --command 'python plain.py --lr {lr} --weight-decay {weight_decay} --until {until} --steps {steps} --seed {seed} --out {dir}'
"""

import argparse
from pathlib import Path

import torch

parser = argparse.ArgumentParser()
for name, kind in {"lr": float, "weight-decay": float, "until": int, "steps": int, "seed": int, "out": Path}.items():
    parser.add_argument(f"--{name}", type=kind, required=True)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)


def batch(number: int, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Make inputs and the classes of a fixed rule."""
    inputs = torch.randn(size, 8, generator=torch.Generator().manual_seed(number))
    return inputs, (inputs[:, :4] * inputs[:, 4:]).argmax(1)


saved, log, step = args.out / "state.pt", args.out / "log.csv", 0
if saved.exists():
    state = torch.load(saved, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    step = state["step"]
else:
    log.write_text("step,lr,norm,val_loss\n")
with log.open("a") as file:
    while step < args.until:
        lr, (inputs, targets) = schedule.get_last_lr()[0], batch(args.seed * 100_000 + step)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        optimizer.step()
        schedule.step()
        step += 1
        loss = ""
        if step % 10 == 0 or step == args.until:
            with torch.no_grad():
                inputs, targets = batch(1, 1024)
                loss = torch.nn.functional.cross_entropy(model(inputs), targets).item()
        file.write(f"{step},{lr},{norm},{loss}\n")
states = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
torch.save({**states, "step": step}, saved)
