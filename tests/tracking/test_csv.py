"""CSV as programs write it, what it is converted by where it is something else, and charts with a table of their runs."""

import shlex
import subprocess
import sys

import pytest

from lrsweep.errors import UserError
from tests.tracking.runs import EVALS, NOTHING, loss, losses, refused, take

CSV = "run,config.lr,step,lr,eval/loss_nats\n" + "".join(f"a,0.01,{step},0.01,{value}\n" for step, value in EVALS)


@pytest.mark.parametrize(
    "text",
    [
        CSV,
        "\ufeff" + CSV.replace("\n", "\r\n"),
        "\n\n" + CSV.replace("\n", "\n\n") + ",,,,\n",
        CSV.replace("a,", '"a\u2028\x85\x0b",').replace("run,", "run,note,").replace('",0.01,', '",x,0.01,'),
        "," + CSV.replace("\na,", "\n7,a,").replace(",step,", ",step,").replace(",10,", ",10.0,"),
    ],
)
def test_csv_as_programs_write_it(tmp_path, text):
    (tmp_path / "runs.csv").write_text(text, encoding="utf-8", newline="")
    for kind in ("wandb", "csv"):
        assert losses(take(tmp_path / "runs.csv", kind=kind, names=NOTHING).trials[0]) == EVALS


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (CSV.replace(",", ";").replace("0.01", "0,01"), "semicolons"),
        (CSV.replace(",", "\t"), "tabs"),
        (CSV.encode("utf-16"), "UTF-16"),
        (CSV.replace(",", "\t").encode("utf-16-le"), "UTF-16"),
    ],
)
def test_each_conversion_that_is_advised_gets_further(tmp_path, data, says):
    path = tmp_path / "my runs.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    for _ in range(3):
        try:
            taken = take(path, kind="csv", names=NOTHING)
            break
        except UserError as error:
            assert says is None or says in str(error)
            command, says = str(error).partition("convert it: ")[2], None
            command = command.replace("python -c", f"{shlex.quote(sys.executable)} -c")
            subprocess.run(command, shell=True, check=True)
            path = path.with_name("my runs-new.csv") if path.name == "my runs.csv" else path.with_name("my runs-new-new.csv")
    assert losses(taken.trials[0]) == EVALS


def test_a_chart_takes_its_configuration_from_a_table_of_the_runs(tmp_path):
    lrs = {"lr - a": 0.01, "b": 0.02}
    head = ["Step", *(f"{run} - val/loss{border}" for run in lrs for border in ("", "__MIN", "__MAX"))]
    lines = [[step, *(loss(step, lr) for lr in lrs.values() for _ in range(3))] for step in range(0, 41, 10)]
    text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in [head, *lines])
    (tmp_path / "chart.csv").write_text(text)
    table = tmp_path / "table.csv"
    table.write_text(
        '"Name","State","learning_rate"\n' + "".join(f'"{run}","finished","{lr}"\n' for run, lr in [*lrs.items(), ("c", 1)])
    )
    names = ["eval/loss_nats=val/loss", "lr=", *NOTHING]
    assert "a table of the runs beside the others: CSV with columns Name and lr" in refused(tmp_path / "chart.csv", names=names)
    assert "a table of runs, which has no histories" in refused(table)
    for sources in ([tmp_path / "chart.csv", table], [table, tmp_path / "chart.csv"]):
        taken = take(*sources, names=[*names, "config.lr=learning_rate"])
        assert {trial.run: trial.record.proposal.lr for trial in taken.trials} == lrs
        assert losses(taken.trials[0]) == EVALS
