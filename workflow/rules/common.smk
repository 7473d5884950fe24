# What all rules share: the stages of dvc.yaml, params.yaml checked, and what jobs inherit from the run that starts them.
from lrsweep.cli import workflow as lrsweep_workflow

PLAN = lrsweep_workflow.plan(
    is_main=workflow.is_main_process,
    is_dry=workflow.dryrun,
    is_here=workflow.nodes is None,
    at_once=workflow.nodes or workflow.resource_settings.cores,
    given=config,
)


onstart:
    PLAN.begin()


def every_artifact():
    return [path for stage in PLAN.stages.values() for path in stage.outs]
