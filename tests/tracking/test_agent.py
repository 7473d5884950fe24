"""Values that W&B gives an agent are read and checked as the trainer takes them."""

import pytest

from lrsweep.errors import UserError
from lrsweep.tracking import agent
from lrsweep.trainers.builtin.settings import NAMES


def test_an_agent_reads_every_kind_of_value():
    words = ["--lr=0.01", "--batch_size=16.0", "--warmup_steps=20", "--optimizer=muon", "--beta1=0.9"]
    values = agent.read_values(words, NAMES)
    assert values == {"lr": 0.01, "batch_size": 16, "warmup_steps": 20, "optimizer": "muon", "beta1": 0.9}
    assert type(values["batch_size"]) is int and type(agent.read_values(["--lr=1"], NAMES)["lr"]) is float


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("--batch_size=16.5", "batch_size: found 16.5, expected a valid integer"),
        ("--optimizer=sgd", "optimizer: found sgd, expected 'adamw' or 'muon'; correct the sweep"),
        ("--lr=-1", "lr: found -1, expected greater than 0"),
        ("--momentum=0.9", "found '--momentum=0.9', expected --NAME=VALUE with NAME one of lr, optimizer"),
        ("--beta1", "found '--beta1', expected --NAME=VALUE"),
        ("--beta1=0.9", "found no --lr=VALUE, expected one"),
        ("--lr=0.1 --beta2=0.9 --beta2_share=0.1", "beta2_share: found it beside beta2, expected one of the two"),
    ],
)
def test_an_agent_refuses_what_the_trainer_does_not_take(word, says):
    with pytest.raises(UserError) as error:
        agent.read_values(word.split(), NAMES)
    assert says in str(error.value)
