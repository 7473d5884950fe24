"""The faults of `make test-faults` that are quick, on as little of the pipeline as each needs."""

import pytest

from tests import faults_of_disks, faults_of_files, faults_of_processes
from tests.fault_case import Case, copied, fresh

PHASE_1 = ("results/sweep_uniform/trials.parquet",)


@pytest.mark.parametrize(
    ("do", "tries", "prepared", "targets"),
    [
        (faults_of_processes.interrupted, 1, fresh, PHASE_1),
        (faults_of_processes.worker_hung, 1, fresh, PHASE_1),
        (faults_of_disks.full_in_stages, 3, copied, ()),
        (faults_of_files.every_artifact, 1, copied, ()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_second_start_ends_in_the_same_bytes_and_does_nothing_finished_again(do, tries, prepared, targets, tiny_run, tmp_path):
    case = Case(tiny_run, prepared(tiny_run, tmp_path / "project"), 1, targets)
    do(case, tries)
    found = case.finish()
    assert (found.again, found.wrong) == (0, 0) and found.tries > 0
