# The stages stand in dvc.yaml and nowhere else: this file makes a rule of each. Those that fan out into trials are in study.smk.
import json
import os
import sys
from pathlib import Path

sys.path.insert(
    0, str(Path("src").resolve())
)  # a temporary workspace of DVC runs its own code, not the installed checkout's

from lrsweep.config import checking

from lrsweep import files

from lrsweep.store import imported

from lrsweep.provenance import lineage, pipeline, recording as stage_provenance

from lrsweep.runner import orphans, supervision
from lrsweep.text.corpus import read_beginnings
from lrsweep.trainers.devices import VARIABLE, device
from lrsweep.errors import UserError, lines
from lrsweep.runner.forkserver import SWITCH
from lrsweep.provenance.lineage import TRAINING
from lrsweep.store.locking import held, hold
from lrsweep.tracking import commands

# Jobs start without another look for their code, and on this machine from a process that has imported it already.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path("src").resolve()), os.environ.get("PYTHONPATH")])
)
if workflow.is_main_process:
    os.environ[SWITCH] = "1"
else:
    os.environ.pop(SWITCH, None)

STAGES = pipeline.load()
LOCK = Path(".snakemake/runner.lock")


def refuse(error):
    """One line and exit code 2: Snakemake would wrap an exception in a traceback."""
    print(lines(error), file=sys.stderr)
    sys.stderr.flush()
    os._exit(2)


try:
    PARAMS = checking.load(Path("params.yaml"))
    DATA = {
        name: list(stage_provenance.inputs(stage, PARAMS))
        for name, stage in STAGES.items()
    }
    STUDIES = {name: getattr(PARAMS, name) for name in ("sweep_uniform", "sweep_bayes")}
    IMPORTED = {name: study for name, study in STUDIES.items() if study.imported}
    for name, study in IMPORTED.items():
        imported.manifest(name, study)
    if workflow.is_main_process:
        read_beginnings(PARAMS.corpus)
        commands.before(PARAMS)
except UserError as error:
    refuse(error)


def dependencies(stage):
    """The stage's deps. The check is not one of them: this file has checked params.yaml."""
    return [*DATA[stage.name], *stage.code]


def values(stage):
    """The parameters that the stage reads, so that a changed one runs it again."""
    return json.dumps(stage.values(PARAMS), sort_keys=True)


os.environ[supervision.VARIABLE] = supervision.settings(PARAMS.execution)
os.environ[VARIABLE] = device(
    PARAMS.execution
)  # jobs on other machines train on what was found here


onstart:
    try:
        hold(LOCK)
        orphans.cancel()
    except UserError as error:
        refuse(error)


if workflow.is_main_process and not held(LOCK):
    try:
        if not workflow.dryrun:
            for folder in (Path("results"), lineage.work()):
                files.prepare(folder)
            made_from = {path for name in STAGES for path in dependencies(STAGES[name])}
            files.bring_to_the_present(
                [*map(Path, made_from), *Path("results").rglob("*.*")]
            )
        stage_provenance.set_stale_aside(STAGES, PARAMS)
    except UserError as error:
        refuse(error)


report: "workflow/report.rst"


include: "workflow/rules/captions.smk"


rule all:
    input:
        [path for stage in STAGES.values() for path in stage.outs],


for name, stage in STAGES.items():
    if name in TRAINING:
        continue

    rule:
        name:
            name
        input:
            dependencies(stage),
        output:
            marked(stage.outs),
        params:
            read=values(stage),
            command=stage.command,
        shell:
            "{params.command}"


include: "workflow/rules/study.smk"
