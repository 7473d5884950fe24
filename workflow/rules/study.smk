# The workers of a study: each trains one trial after another, until the study is whole. More may join by hand: `lrsweep work STAGE`.
#
# A worker's output only says that it has ended, and is gone once the stage's tables are written: the trials themselves are kept in work/.
# Its inputs are ancient(): the identity of a trial says whether it is out of date, and not the times of files.


rule work:
    input:
        lambda wildcards: [ancient(path) for path in PLAN.stages[wildcards.stage].reads],
    output:
        temp(PLAN.worker("{stage}", "{number}")),
    wildcard_constraints:
        number=r"\d+",
    shell:
        "lrsweep work {wildcards.stage} --number {wildcards.number} && touch {output}"
