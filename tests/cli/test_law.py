"""lrsweep law: the answer for a table with planted exponents, as text, JSON and figure, and clear refusals."""

import json
import sys
from itertools import product

import numpy as np
import pytest

from lrsweep.cli import main as cli


def table(head="lr,loss,D,N", bend=0.05):
    """Valleys whose best LR is 0.01 N^-0.5 D^0.1, with N in 1e8 and D in 1e9, and noise of a thousandth."""
    rng, rows = np.random.default_rng(0), [head]
    for n, d in product((1e8, 2e8, 4e8), (1e9, 4e9)):
        best = 0.01 * (n / 1e8) ** -0.5 * (d / 1e9) ** 0.1
        for lr in best * np.geomspace(0.3, 3, 6):
            loss = 3 * np.exp(bend * np.log(lr / best) ** 2 + rng.normal(0, 0.001))
            rows.append(f"{lr:.5g},{loss:.6g},{d:g},{n:g}")
    return "\n".join(rows) + "\n"


def law(monkeypatch, capsys, folder, text, *words):
    """The exit code, what was printed, and what was said of an error."""
    monkeypatch.chdir(folder)
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "runs.csv").write_bytes(data)
    monkeypatch.setattr(sys, "argv", ["lrsweep", "law", "runs.csv", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    shown = capsys.readouterr()
    return end.value.code, shown.out, shown.err


AT = ("--target", "D=2e10", "--target", "N=1.6e9")
TRUE = 0.01 * 16**-0.5 * 20**0.1


def test_the_answer_as_json(monkeypatch, capsys, tmp_path):
    code, out, _ = law(monkeypatch, capsys, tmp_path, table(), *AT, "--json")
    found = json.loads(out)
    assert not code
    assert found["low"] <= TRUE <= found["high"] and found["lr"] == pytest.approx(TRUE, rel=0.25)
    assert found["band"][0] < found["lr"] < found["band"][1]
    assert found["exponents"]["N"]["value"] == pytest.approx(-0.5, abs=0.1)
    assert found["roles"] == {"D": "horizon", "N": "size"} and found["profiles"] == 6


def test_the_answer_as_text_and_figure_under_any_names(monkeypatch, capsys, tmp_path):
    text = table("lr,loss,how long,knobs")
    words = ("--target", "how long=2e10", "--target", "knobs=1.6e9")
    code, out, _ = law(monkeypatch, capsys, tmp_path, text, *words, "--figure", "law.svg")
    assert not code and "best LR for how long 2e+10, knobs 1.6e+09" in out and "prior of other" in out
    first = (tmp_path / "law.svg").read_bytes()
    law(monkeypatch, capsys, tmp_path, text, *words, "--figure", "law.svg")
    assert first.startswith(b"<?xml") and (tmp_path / "law.svg").read_bytes() == first


def test_a_byte_order_mark_is_no_part_of_the_first_name(monkeypatch, capsys, tmp_path):
    plain = law(monkeypatch, capsys, tmp_path, table(), *AT, "--json")
    assert law(monkeypatch, capsys, tmp_path, b"\xef\xbb\xbf" + table().encode(), *AT, "--json") == plain


@pytest.mark.parametrize("lost", ["", "nan", "inf", "NaN"])
def test_diverged_runs_are_data(monkeypatch, capsys, tmp_path, lost):
    text = table() + f"0.9,{lost},1e9,1e8\n"
    code, out, _ = law(monkeypatch, capsys, tmp_path, text, *AT, "--json")
    assert not code and json.loads(out)["lr"] == pytest.approx(TRUE, rel=0.25)


def test_a_size_whose_runs_all_diverged_is_left_out_with_a_warning(monkeypatch, capsys, tmp_path):
    code, out, _ = law(monkeypatch, capsys, tmp_path, table() + "0.1,nan,1e9,8e8\n0.2,nan,1e9,8e8\n", *AT)
    assert not code and "warning: 1 size with too few LRs" in out


ONE = "\n".join(line for line in table().splitlines() if line.endswith(("N", "1e+09,1e+08")))
SAME = "lr,loss,D\n" + "".join(f"0.01,{2 + k / 100},{d}\n" for k in range(4) for d in (1, 2))
BAD = {
    "no target": (table(), (), ["--target", "expected an option"]),
    "a target without a value": (table(), ("--target", "D"), ["'D'", "NAME=VALUE"]),
    "a target that is no number": (table(), ("--target", "D=long"), ["'D=long'", "positive number"]),
    "a target below zero": (table(), ("--target", "D=-1"), ["'D=-1'", "positive number"]),
    "a target twice": (table(), ("--target", "D=1", "--target", "D=2"), ["'D=2'", "once"]),
    "an LR as target": (table(), ("--target", "lr=1"), ["'lr=1'", "not lr or loss"]),
    "an unknown target": (table(), ("--target", "T=1"), ["columns lr, loss, D, N", "T"]),
    "no column lr": (table("rate,loss,D,N"), AT, ["expected also lr"]),
    "a column twice": (table("lr,loss,D,D"), ("--target", "D=2"), ["the column 'D' more than once"]),
    "rows longer than the head": (table("lr,loss,D"), ("--target", "D=2"), ["line 2", "found 4 cells", "expected 3"]),
    "semicolons": (table().replace(",", ";"), AT, ["found cells separated by semicolons", "expected commas", "convert it"]),
    "no rows": ("lr,loss,D,N\n", AT, ["no rows"]),
    "nothing": ("", AT, ["found no table"]),
    "an LR of zero": (table() + "0,2,1e9,1e8\n", AT, ["line 38", "lr '0'", "positive"]),
    "a loss of zero": (table() + "0.1,0,1e9,1e8\n", AT, ["line 38", "loss '0'", "positive"]),
    "a negative size": (table() + "0.1,2,1e9,-1e8\n", AT, ["line 38", "N '-1e8'", "positive"]),
    "an empty size": (table() + "0.1,2,,1e8\n", AT, ["line 38", "D nothing", "positive"]),
    "text for a loss": (table() + "0.1,bad,1e9,1e8\n", AT, ["line 38", "loss 'bad'"]),
    "text for an LR": (table() + "big,2,1e9,1e8\n", AT, ["line 38", "lr 'big'"]),
    "one size": (ONE, AT, ["found one size", "D 1e+09, N 1e+08"]),
    "one LR": (SAME, ("--target", "D=4"), ["found no D with 3 LRs"]),
    "UTF-16": (table().encode("utf-16"), AT, ["found UTF-16", "expected UTF-8", "iconv"]),
    "not UTF-8": (b"lr,loss\n\xfc", AT, ["line 2", "not UTF-8", "convert it"]),
    "a line cut off": (table() + "0.1\n", AT, ["line 38", "found 1 cells", "expected 4"]),
    "a quote left open": (table() + '"0.1,2,1e9,1e8\n', AT, ["line 38", "not CSV"]),
    "a byte of zero": (table() + "0.1,2\0,1e9,1e8\n", AT, ["line 38", "a byte of zero"]),
    "an LR near the smallest float": (table() + "1e-308,2,1e9,1e8\n", AT, ["line 38", "lr '1e-308'", "from 1e-60 to 1e+60"]),
    "an LR near the largest float": (table() + "1e308,2,1e9,1e8\n", AT, ["line 38", "lr '1e308'", "from 1e-60 to 1e+60"]),
    "a target near the smallest float": (table(), ("--target", "D=1e-320"), ["D=1e-320", "from 1e-60 to 1e+60"]),
    "a figure of another kind": (table(), (*AT, "--figure", "law.gif"), ["law.gif", ".svg or .png"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line_and_exit_code_2(name, monkeypatch, capsys, tmp_path):
    text, words, said = BAD[name]
    code, out, err = law(monkeypatch, capsys, tmp_path, text, *words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and all(word in err for word in said), err


def test_a_missing_file_and_a_parquet_table(monkeypatch, capsys, tmp_path):
    import io

    import pandas as pd

    monkeypatch.chdir(tmp_path)
    pd.read_csv(io.StringIO(table())).to_parquet("runs.parquet")
    monkeypatch.setattr(sys, "argv", ["lrsweep", "law", "runs.parquet", *AT, "--json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code and json.loads(capsys.readouterr().out)["lr"] == pytest.approx(TRUE, rel=0.25)
    monkeypatch.setattr(sys, "argv", ["lrsweep", "law", "gone.csv", *AT])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2 and "no such file" in capsys.readouterr().err


def test_the_proxies_of_a_study_are_a_table_of_runs_too(monkeypatch, capsys, tmp_path):
    code, out, _ = law(monkeypatch, capsys, tmp_path, table().replace("loss", "final_loss_nats"), *AT, "--json")
    assert not code and json.loads(out)["lr"] == pytest.approx(TRUE, rel=0.25)


def test_blank_lines_and_odd_breaks_inside_cells_are_read(monkeypatch, capsys, tmp_path):
    lines = [f"{line},a\x0bb\u2028c" for line in table().splitlines()[1:]]
    text = "\n\nlr,loss,D,N,note\n" + "\r\n\r\n".join(lines)
    code, out, err = law(monkeypatch, capsys, tmp_path, text, *AT, "--json")
    assert not code and json.loads(out)["lr"] == pytest.approx(TRUE, rel=0.25), err


@pytest.mark.parametrize("name", ["$D_{x}^$", "a$b", "D,x", "(D*[", "D\x1b[31m"])
def test_any_name_of_a_size_can_be_drawn(monkeypatch, capsys, tmp_path, name):
    text = table(f'lr,loss,"{name}",N')
    code, out, err = law(
        monkeypatch, capsys, tmp_path, text, "--target", f"{name}=1e10", "--target", "N=1e9", "--figure", "a.svg"
    )
    assert not code and (tmp_path / "a.svg").exists() and "\x1b" not in out, err
