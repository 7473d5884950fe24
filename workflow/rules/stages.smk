# A rule for each stage. One that trains waits for its workers, of which study.smk tells.
for name, stage in PLAN.stages.items():

    rule:
        name:
            name
        input:
            PLAN.inputs(stage),
            PLAN.workers(stage),
        output:
            marked(stage.outs),
        params:
            read=PLAN.values(stage),
            command=f"lrsweep {name}",
        shell:
            "{params.command}"
