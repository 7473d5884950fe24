# The stages stand in dvc.yaml and nowhere else: this workflow makes a rule of each. Those that train fan out into workers.
import sys
from pathlib import Path

# A temporary workspace of DVC runs its own code.
sys.path.insert(0, str(Path("src").resolve()))


include: "workflow/rules/common.smk"


report: "workflow/report.rst"


rule all:
    input:
        every_artifact(),


include: "workflow/rules/captions.smk"
include: "workflow/rules/stages.smk"
include: "workflow/rules/study.smk"
