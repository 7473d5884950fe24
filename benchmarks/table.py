"""docs/benchmarks/README.md and ratios.svg, from the tables that the benchmarks wrote."""

from itertools import groupby
from pathlib import Path

from benchmarks.frame import FOLDER, markdown, read
from lrsweep import files

COLOURS = {"yes": "#009E73", "no": "#D55E00", "": "#0072B2"}  # of Okabe and Ito, as in every figure
SHOWN = ("work", "measure", "ours", "peer", "its", "runs", "ratio", "goal", "met")
HEAD = """# Benchmarks

Each does the same work as what a user would pick instead, in the same run, in alternation: `make bench` runs all and writes this
page, `make bench-NAME` one. Median and range of the runs. The ratio says how many times as good ours is, whichever way is better;
the goal is the least that it should be. A search that is told of phase 1 does not count the 6,900 steps of that
([search.md](search.md)). None of this is a test.

![Ratios and goals](ratios.svg)
"""


def tables() -> dict[str, list[dict[str, str]]]:
    """The rows of each benchmark, by its name; other tables in the folder are left alone."""
    found = {path.stem: read(path) for path in sorted(FOLDER.glob("*.csv"))}
    return {name: rows for name, rows in found.items() if rows}


def page(found: dict[str, list[dict[str, str]]]) -> str:
    """The page in Markdown."""
    parts = [HEAD]
    for name, rows in found.items():
        parts.append(f"## {name}\n")
        for machine, own in groupby(rows, key=lambda row: row["machine"]):
            shown = [{**row, "ours": _values(row, "ours"), "its": _values(row, "peer")} for row in own]
            lines = [[row[key] for key in SHOWN] for row in shown]
            parts.append(f"{markdown(SHOWN, lines)}\n\nOn {machine}.\n")
    return "\n".join(parts)


def _values(row: dict[str, str], side: str) -> str:
    """Median and range; a limit has no range."""
    median, least, most = (row[f"{side}_{name}"] for name in ("median", "least", "most"))
    return median if least == most else f"{median} ({least} to {most})"


def _labels(rows: list[dict[str, str]]) -> list[str]:
    """What each row of a benchmark compares; with the processor, where there are several machines."""
    several = len({row["machine"] for row in rows}) > 1
    where = [f", {row['machine'].split(', ')[1]}" if several else "" for row in rows]
    return [f"{row['work']}, {row['measure']}\nagainst {row['peer']}{own}" for row, own in zip(rows, where, strict=True)]


def draw(found: dict[str, list[dict[str, str]]], path: Path) -> None:
    """Ratio (dot) and goal (line) of every row, on a log axis."""
    import matplotlib.pyplot as plt

    import lrsweep

    rows = [row for benchmark in found.values() for row in benchmark][::-1]
    labels = [label for benchmark in found.values() for label in _labels(benchmark)][::-1]
    with plt.style.context(Path(lrsweep.__file__).parent / "figures/style.mplstyle"):
        figure, ax = plt.subplots(figsize=(11, 0.8 + 0.5 * len(rows)))
        for height, row in enumerate(rows):
            ratio, goal = float(row["ratio"]), float(row["goal"] or "nan")  # what is not a number is not drawn
            ax.plot([goal, ratio], [height, height], color=COLOURS[row["met"]], linewidth=1.5)
            ax.plot(goal, height, "|", color="black", markersize=16, markeredgewidth=2)
            ax.plot(ratio, height, "o", color=COLOURS[row["met"]])
        ax.set_yticks(range(len(rows)), labels, fontsize=9)
        ax.set_ylim(-1, len(rows))
        ax.set(xscale="log", xlabel="times as good as the peer (dot), and the goal (line)")
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        ax.xaxis.set_minor_formatter(lambda x, _: f"{x:g}")
        ax.tick_params(axis="x", which="both", labelsize=9)
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    found = tables()
    files.write_text(FOLDER / "README.md", page(found))
    draw(found, FOLDER / "ratios.svg")


if __name__ == "__main__":
    main()
