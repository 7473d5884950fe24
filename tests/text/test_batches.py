"""Batches: they depend on (seed, step) alone, and evals span the text."""

import numpy as np
import pytest

from lrsweep.errors import UserError
from lrsweep.text.batches import all_batches, fixed_batches, sample_batch

IDS = np.arange(1000, dtype="<u2")


def test_a_batch_depends_on_seed_and_step_alone():
    inputs_BT, targets_BT = sample_batch(IDS, 7, 3, 8, 16)
    assert inputs_BT.shape == (8, 16) and inputs_BT.dtype == targets_BT.dtype == np.int64
    assert (targets_BT == inputs_BT + 1).all()
    assert (sample_batch(IDS, 7, 3, 8, 16)[0] == inputs_BT).all()
    assert (sample_batch(IDS, 7, 4, 8, 16)[0] != inputs_BT).any()
    assert (sample_batch(IDS, 8, 3, 8, 16)[0] != inputs_BT).any()


def test_the_offsets_of_a_seed_are_pinned():
    """numpy may change how Generator draws: then recorded trials could not be repeated, and this says so."""
    offsets = [sample_batch(IDS, 2**63 - 1, step, 4, 16)[0][:, 0].tolist() for step in (1, 2)]
    assert offsets == [[368, 915, 675, 290], [359, 803, 180, 312]]


def test_every_window_is_drawn():
    ids, context = np.arange(20, dtype="<u2"), 16
    firsts = {first for step in range(100) for first in sample_batch(ids, 0, step, 4, context)[0][:, 0].tolist()}
    assert firsts == {0, 1, 2, 3}
    assert (sample_batch(ids[:17], 0, 1, 2, context)[1][:, -1] == 16).all(), "one window is enough"


def test_fixed_batches_span_the_text():
    inputs_NBT, targets_NBT = fixed_batches(IDS, 2, 3, 16)
    assert inputs_NBT.shape == (2, 3, 16) and inputs_NBT.dtype == np.int64
    assert inputs_NBT[0, 0, 0] == 0 and targets_NBT[-1, -1, -1] == 999 and (targets_NBT == inputs_NBT + 1).all()
    assert set(np.diff(inputs_NBT.reshape(6, 16)[:, 0]).tolist()) <= {196, 197}
    assert fixed_batches(IDS, 1, 1, 16)[0].shape == (1, 1, 16)


@pytest.mark.parametrize(("length", "targets"), [(17, 16), (32, 16), (33, 32), (1000, 992)])
def test_all_batches_predict_each_token_once(length, targets):
    """All but the first, and but those at the end that fill no window of 16."""
    batches = list(all_batches(IDS[:length], 5, 16))
    assert np.concatenate([targets_BT.ravel() for _, targets_BT in batches]).tolist() == list(range(1, targets + 1))
    assert all((targets_BT == inputs_BT + 1).all() and len(inputs_BT) <= 5 for inputs_BT, targets_BT in batches)


@pytest.mark.parametrize("length", [0, 16])
def test_a_text_shorter_than_a_context(length):
    with pytest.raises(UserError, match=rf"model\.context_length: found 16 with a validation text of {length} tokens"):
        fixed_batches(IDS[:length], 1, 1, 16)
    with pytest.raises(UserError, match=r"a training text of"):
        sample_batch(IDS[:length], 0, 1, 1, 16)
    with pytest.raises(UserError, match=r"a test text of .*a larger corpus\.test_share"):
        list(all_batches(IDS[:length], 5, 16))
