# The stages stand in dvc.yaml and nowhere else: this file makes a rule of each. Those that fan out into trials are in study.smk.
import json
import os
import sys
from pathlib import Path

import yaml

sys.path.insert(
    0, str(Path("src").resolve())
)  # a temporary workspace of DVC runs its own code, not the installed checkout's

from lrsweep import checking, imported
from lrsweep.corpus import source_files
from lrsweep.devices import VARIABLE, device
from lrsweep.errors import UserError
from lrsweep.forkserver import SWITCH
from lrsweep.lineage import SECTIONS as FANNED_OUT
from lrsweep.locking import hold
from lrsweep.wb import commands

# Jobs start without another look for their code, and on this machine from a process that has imported it already.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path("src").resolve()), os.environ.get("PYTHONPATH")])
)
if workflow.is_main_process:
    os.environ[SWITCH] = "1"
else:
    os.environ.pop(SWITCH, None)

STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]


def refuse(error):
    """One line and exit code 2: Snakemake would wrap an exception in a traceback."""
    print(f"lrsweep: {error}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(2)


try:
    PARAMS = checking.load(Path("params.yaml"))
    SOURCES = [str(path) for path in source_files(PARAMS.corpus)]
    STUDIES = {name: getattr(PARAMS, name) for name in ("sweep_uniform", "sweep_bayes")}
    IMPORTED = {name: study for name, study in STUDIES.items() if study.imported}
    for name, study in IMPORTED.items():
        imported.manifest(name, study)
    if workflow.is_main_process:
        commands.before(PARAMS)
except UserError as error:
    refuse(error)

os.environ[VARIABLE] = device(
    PARAMS.execution
)  # jobs on other machines train on what was found here


onstart:
    try:
        hold(Path(".snakemake/runner.lock"))
    except UserError as error:
        refuse(error)


def dependencies(stage):
    """The stage's deps; the folder of the user's texts stands for the files that are read."""
    return [
        path for dep in stage["deps"] for path in (SOURCES if dep == "data" else [dep])
    ]


def outputs(stage):
    """The stage's outs and metrics, which dvc.yaml may write with options."""
    entries = stage.get("outs", []) + stage.get("metrics", [])
    return [
        path
        for entry in entries
        for path in (entry if isinstance(entry, dict) else [entry])
    ]


def values(stage):
    """The parameters that the stage reads, so that a changed one runs it again."""
    tree = PARAMS.model_dump(mode="json")
    found = {}
    for key in stage.get("params", []):
        value = tree
        for part in key.split("."):
            value = value[part]
        found[key] = value
    return json.dumps(found, sort_keys=True)


report: "workflow/report.rst"


include: "workflow/rules/captions.smk"


rule all:
    input:
        [path for stage in STAGES.values() for path in outputs(stage)],


for name, stage in STAGES.items():
    if name in FANNED_OUT:
        continue

    rule:
        name:
            name
        input:
            dependencies(stage),
        output:
            marked(outputs(stage)),
        params:
            read=values(stage),
            command=stage["cmd"],
        shell:
            "{params.command}"


include: "workflow/rules/study.smk"
