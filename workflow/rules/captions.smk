# What `snakemake --report report.html` shows: the page and every figure, with the captions that the page has.
#
# The captions stand with the figures in the package and nowhere else. Snakemake wants them as files, so they are written when
# a report is asked for, and only then: reading them costs the import of matplotlib, which no other run should pay.
from snakemake.io import report as reported

CAPTIONS = Path(".snakemake/captions").resolve()
REPORTING = any(argument.split("=")[0] == "--report" for argument in sys.argv)


def write_captions():
    from lrsweep.figures import FIGURES

    CAPTIONS.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        (CAPTIONS / f"{name}.rst").write_text(figure.caption + "\n", encoding="utf-8")


def marked(paths):
    """The outputs, the page and the figures among them marked for Snakemake's report."""
    found = []
    for path in paths:
        name = Path(path).stem
        if REPORTING and path.startswith("results/figures/") and path.endswith(".svg"):
            caption = str(CAPTIONS / f"{name}.rst")
            labels = {"figure": name.replace("_", " ")}
            path = reported(path, caption=caption, category="Figures", labels=labels)
        elif REPORTING and path == "results/report/index.html":
            labels = {"figure": "the whole page"}
            path = reported(path, category="Report", labels=labels)
        found.append(path)
    return found


if REPORTING:
    write_captions()
