"""Callbacks that report a training to its study, and end its call. Each imports its framework when it is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrsweep.reporting import Trial


def huggingface(trial: Trial) -> Any:
    """Make a callback of the Hugging Face Trainer: it reports each log and eval, and ends the call at `trial.until`.

    The Trainer's schedule follows `max_steps=trial.steps`, and `logging_steps=1` shows each gradient norm. The call ends with a
    checkpoint, which `trainer.train(resume_from_checkpoint=get_last_checkpoint(trial.dir))` goes on from.
    """
    from transformers import TrainerCallback

    class Report(TrainerCallback):
        """Reports to a study."""

        lr: float | None = None

        def on_step_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
            """Note the LR of the update; the Trainer logs that of the next one."""
            self.lr = optimizer.param_groups[0]["lr"] if optimizer is not None else None

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Report LR and gradient norm."""
            if state.is_world_process_zero and logs and "learning_rate" in logs:
                trial.report(state.global_step, lr=self.lr, grad_norm=logs.get("grad_norm"))

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
            """Report the eval loss."""
            if state.is_world_process_zero:
                trial.report(state.global_step, metrics["eval_loss"])

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            """End the call where it is to end, with an eval and a checkpoint."""
            if state.global_step >= trial.until:
                control.should_evaluate = control.should_save = control.should_training_stop = True
            return control

    return Report()


def lightning(trial: Trial, loss: str = "val_loss") -> Any:
    """Make a callback of Lightning: it reports LR, gradient norm and the logged `loss`, and ends the call at `trial.until`.

    The Trainer validates with `check_val_every_n_epoch=None, val_check_interval=trial.eval_every`. The call ends with an eval and
    the checkpoint last.ckpt in `trial.dir`, which `trainer.fit(…, ckpt_path=…)` goes on from.
    """
    from lightning.pytorch import Callback

    class Report(Callback):
        """Reports to a study."""

        def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
            """Report the LR of the update, and the gradient norm before it is clipped."""
            if trainer.is_global_zero:
                norms = [one.grad.norm().item() for one in module.parameters() if one.grad is not None]
                trial.report(trainer.global_step + 1, lr=optimizer.param_groups[0]["lr"], grad_norm=math.hypot(*norms))

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            """End the call where it is to end; Lightning validates once more."""
            trainer.should_stop |= trainer.global_step >= trial.until

        def on_validation_end(self, trainer: Any, module: Any) -> None:
            """Report the loss; a check before the training is no eval."""
            if not trainer.sanity_checking and trainer.is_global_zero:
                trial.report(trainer.global_step, trainer.callback_metrics[loss].item())

        def on_train_end(self, trainer: Any, module: Any) -> None:
            """Keep what the next call goes on from."""
            trainer.save_checkpoint(trial.dir / "last.ckpt")

    return Report()
