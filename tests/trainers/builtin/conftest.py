"""Torch as a worker has it, for the tests of the built-in trainer."""

import pytest
import torch

from lrsweep.trainers.builtin.process import use_one_thread


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in a worker; other tests get back what they had."""
    threads, fills = torch.get_num_threads(), torch.utils.deterministic.fill_uninitialized_memory
    deterministic = torch.are_deterministic_algorithms_enabled()
    use_one_thread("cpu")
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = fills
