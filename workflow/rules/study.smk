# The stages that train. The studies fan out: trial jobs, each with a receipt, and a gather with the stage's outs. The final
# training is one job, with a folder of its own for checkpoints.
#
# Inputs inside a study are ancient(): its folders are named after a digest of all that its trials depend on, so a trial that is
# there is never out of date, whatever the times of files say after a checkout. Only what a study takes from another one is not:
# it may be made again in the same run. A job that is started again for that finds its trials, if they are still the same.
from lrsweep.store import imported, prior
from lrsweep.search import racing
from lrsweep.runner import receipts
from lrsweep.provenance.lineage import current_records, study_folder
from lrsweep.search.study import chunks, len_at, window

SIZE = PARAMS.execution.trials_per_job
BAYES = PARAMS.sweep_bayes
TOKENS = [
    "results/tokenize/train.bin",
    "results/tokenize/valid.bin",
    "results/tokenize/tokens.json",
]
TABLE = "results/sweep_bayes/trials.parquet"
OF_PHASE_1 = ["results/edge/edge.json"] if BAYES.lr == "auto" else []
OF_PHASE_1 += map(str, prior.tables(BAYES))
RECORDS = {stage: study_folder(stage, PARAMS) for stage in TRAINING}
FOLDERS = {stage: receipts.here(folder) for stage, folder in RECORDS.items()}
TRIALS = {
    "sweep_uniform": chunks(0, PARAMS.sweep_uniform.trials, SIZE),
    "sweep_bayes": chunks(BAYES.first_block, BAYES.trials, SIZE),
    # stopped trials that were trained elsewhere cannot be trained on: an imported study has no audit
    "assess": chunks(0, 0 if BAYES.imported else PARAMS.assess.audit_trials, SIZE),
    "train": [],
}
# Jobs of the first block and of the race are half as long as others, since a rung or round waits for the last of them.
HALF = (SIZE + 1) // 2
ROUNDS = [chunks(0, n, HALF) for n in racing.places(PARAMS.select)]

for stage, folder in RECORDS.items():
    try:
        if stage != "train":
            receipts.refresh(folder, current_records(folder, PARAMS))
    except UserError as error:
        refuse(error)


def receipt(stage, kind, first, last):
    return str(receipts.path(FOLDERS[stage], kind, first, last))


def block_receipts(level):
    """The jobs that bring the first block to a level: at each rung 1/eta of its places are left."""
    places = len_at(BAYES.levels[level], BAYES)
    return [
        receipt("sweep_bayes", f"block-{level}", *pair)
        for pair in chunks(0, places, HALF)
    ]


def before_block(wildcards):
    level = int(wildcards.level)
    before = block_receipts(level - 1) if level else TOKENS
    return [ancient(path) for path in before] + OF_PHASE_1


def race_receipts(number):
    kind = receipts.race_kind(PARAMS.select, number)
    return [receipt("select", kind, *pair) for pair in ROUNDS[number]]


def before_race(wildcards):
    number = int(wildcards.level)
    return [ancient(path) for path in (race_receipts(number - 1) if number else [])]


def before_trials(wildcards):
    """The block, and the jobs of the trials in sight that have all earlier ones behind them."""
    first, last = int(wildcards.first), int(wildcards.last)
    seen = window(first, last, BAYES)
    jobs = [
        pair
        for pair in TRIALS["sweep_bayes"][
            max(0, (seen.start - BAYES.first_block) // SIZE) : max(
                0, (min(first, seen.stop) - 1 - BAYES.first_block) // SIZE + 1
            )
        ]
        if pair[0] < first and pair[0] < seen.stop and pair[1] >= seen.start
    ]
    return [
        ancient(path)
        for path in block_receipts(len(BAYES.levels) - 1)
        + [receipt("sweep_bayes", "trials", *pair) for pair in jobs]
    ] + OF_PHASE_1


def earlier_first(wildcards):
    """Other trials wait for the earlier ones; Snakemake itself would begin with the jobs of the most input."""
    return -int(wildcards.first)


def receipts_of(stage):
    if stage == "select":
        return [path for number in range(len(ROUNDS)) for path in race_receipts(number)]
    if stage in IMPORTED:
        return [str(imported.manifest_path(IMPORTED[stage].imported))]
    block = (
        [path for level in range(len(BAYES.levels)) for path in block_receipts(level)]
        if stage == "sweep_bayes"
        else []
    )
    return block + [receipt(stage, "trials", *pair) for pair in TRIALS[stage]]


wildcard_constraints:
    level=r"\d+",
    first=r"\d+",
    last=r"\d+",
    thousand=r"\d+",


rule sweep_uniform_trials:
    input:
        ancient(TOKENS),
    output:
        receipt("sweep_uniform", "trials", "{first}", "{last}"),
    shell:
        f"lrsweep trials sweep_uniform {{wildcards.first}} {{wildcards.last}} --folder {FOLDERS['sweep_uniform']}"


rule sweep_bayes_block:
    input:
        before_block,
    output:
        receipt("sweep_bayes", "block-{level}", "{first}", "{last}"),
    priority: 1
    shell:
        f"lrsweep block {{wildcards.level}} {{wildcards.first}} {{wildcards.last}} --folder {FOLDERS['sweep_bayes']}"


rule sweep_bayes_trials:
    input:
        before_trials,
    output:
        receipt("sweep_bayes", "trials", "{first}", "{last}"),
    priority: earlier_first
    shell:
        f"lrsweep trials sweep_bayes {{wildcards.first}} {{wildcards.last}} --folder {FOLDERS['sweep_bayes']}"


rule assess_trials:
    input:
        ancient(TOKENS),
        TABLE,
    output:
        receipt("assess", "trials", "{first}", "{last}"),
    shell:
        f"lrsweep trials assess {{wildcards.first}} {{wildcards.last}} --folder {FOLDERS['assess']}"


rule select_race:
    input:
        ancient(TOKENS),
        TABLE,
        before_race,
    output:
        receipt(
            "select", receipts.race_kind(PARAMS.select, "{level}"), "{first}", "{last}"
        ),
    shell:
        f"lrsweep race {{wildcards.level}} {{wildcards.first}} {{wildcards.last}} --folder {FOLDERS['select']}"


for stage in TRAINING:

    rule:
        name:
            stage
        input:
            receipts_of(stage),
            dependencies(STAGES[stage]),
        output:
            STAGES[stage].outs,
        params:
            read=values(STAGES[stage]),
            command=f"lrsweep {stage} --folder {FOLDERS[stage]}",
        shell:
            "{params.command}"
