"""A script that Hydra configures: each value is an override, and Hydra's own folder is that of the trial.

lrsweep init --read hydra_overrides.py --space weight_decay=1e-3:1e-1:log --space optimizer=adamw,sgd
  --curve 'file={dir}/log.jsonl,step=step,loss=val_loss,lr=lr'
  --command 'python hydra_overrides.py lr={lr} optim.wd={weight_decay} optim.name={optimizer} until={until} steps={steps}
    seed={seed} hydra.run.dir={dir} hydra.job.chdir=true'
"""

import json
from pathlib import Path

import hydra
import torch
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

defaults = {"lr": 0.001, "until": 100, "steps": 100, "seed": 0, "optim": {"name": "adamw", "wd": 0.01}}
ConfigStore.instance().store("config", defaults)


@hydra.main(version_base=None, config_name="config")
def main(config: DictConfig) -> None:
    """Fit a line, from where the last call ended; Hydra has changed to the folder of the trial."""
    torch.manual_seed(config.seed)
    model, saved, start = torch.nn.Linear(8, 1), Path("state.pt"), 0
    kind = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[config.optim.name]
    optimizer = kind(model.parameters(), lr=config.lr, weight_decay=config.optim.wd)
    if saved.exists():
        start, weights, state = torch.load(saved, weights_only=True)
        model.load_state_dict(weights)
        optimizer.load_state_dict(state)
    with Path("log.jsonl").open("a") as log:
        for step in range(start + 1, config.until + 1):
            lr = optimizer.param_groups[0]["lr"] = config.lr * (1 - (step - 1) / config.steps)
            inputs = torch.randn(32, 8, generator=torch.Generator().manual_seed(config.seed + step))
            loss = (model(inputs) - inputs.sum(1, keepdim=True)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.write(json.dumps({"step": step, "lr": lr, "val_loss": loss.item()}) + "\n")  # each batch is new
    torch.save([config.until, model.state_dict(), optimizer.state_dict()], saved)


main()
