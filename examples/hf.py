"""The Hugging Face Trainer on a tiny Llama made from a configuration, with lrsweep's callback.

lrsweep init --read hf.py --command 'python hf.py {dir}' --space weight_decay=1e-3:1e-1:log --space warmup_steps=1:20:log:int
  --curve 'file={dir}/metrics.jsonl,step=step,loss=val_loss,lr=lr,grad_norm=grad_norm'
"""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

import lrsweep
from lrsweep.callbacks import huggingface

trial = lrsweep.trial()
values = trial.values


def texts(count: int, seed: int, length: int = 16) -> list[dict[str, torch.Tensor]]:
    """Make texts in which each letter is the sum of the two before it, with some noise."""
    random = torch.Generator().manual_seed(seed)
    letters = torch.randint(32, (count, length), generator=random)
    for place in range(2, length):
        known = torch.rand(count, generator=random) < 0.9
        letters[known, place] = (letters[known, place - 1] + letters[known, place - 2]) % 32
    return [{"input_ids": row, "labels": row} for row in letters]


torch.manual_seed(trial.seed)
shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
model = LlamaForCausalLM(LlamaConfig(vocab_size=32, max_position_embeddings=16, **shape))
arguments = TrainingArguments(
    output_dir=str(trial.dir),
    max_steps=trial.steps,  # of the schedule; the callback ends the call at trial.until
    seed=trial.seed,
    learning_rate=values["lr"],
    weight_decay=values["weight_decay"],
    warmup_steps=values["warmup_steps"],
    lr_scheduler_type="cosine",
    per_device_train_batch_size=16,
    eval_strategy="steps",
    eval_steps=trial.eval_every,
    logging_steps=1,
    save_strategy="no",  # but for the checkpoint at the end of a call
    report_to=[],
    disable_tqdm=True,
    use_cpu=True,
)
trainer = Trainer(model, arguments, train_dataset=texts(512, 1), eval_dataset=texts(64, 2), callbacks=[huggingface(trial)])
trainer.train(resume_from_checkpoint=get_last_checkpoint(str(trial.dir)))
