"""What params.yaml is where it names a script: keys of the built-in model do not apply, and may not be there."""

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from lrsweep.config import yamlfile
from lrsweep.config.params import Params
from lrsweep.config.violations import Nothing, Problem
from lrsweep.shipped import shipped
from lrsweep.trainers.command import settings
from lrsweep.trainers.command.settings import CurveFile, CurvePattern

# Keys that tell the built-in trainer what to do; a script has arguments for that, and checkpoints of its own
NOT_APPLYING = (
    "simulate",
    "corpus",
    "tokenize",
    "model",
    "optimizer",
    "evaluation",
    "sharpness",
    "generate",
    "scale.carried",
    "execution.checkpoint_every",
)
_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""")  # of a command
_OFF: Mapping[str, Any] = {"simulate": False, "scale.carried": []}
_WARM_UP = "steps over which your script raises the LR; the analyses read it, the command does not have it [steps]"
# What keys are beside a script, where their own descriptions speak of the built-in model
DESCRIPTIONS: Mapping[str, str] = {
    "trainer": "your own training script (docs/script.md in the repository of lrsweep, as for all docs/)",
    "sweep_uniform.warmup_steps": _WARM_UP,
    "sweep_uniform.lr": "maximum LR, from below the best to past where training breaks [-]",
    "sweep_bayes.warmup_steps": _WARM_UP,
    "sweep_bayes.space": "what phase 2 varies: names that the command takes, each with a range {min, max, scale: linear | log},"
    " with type: int for whole numbers, or with {choices: [one, another]}; lr: auto takes the range that the edge gives",
    "select.default": "what the candidates are compared with, and what the command has for a name that a trial does not vary [-]",
    "scale.sizes": "sizes of the proxies, as {width: 256} in names that the command takes; [] for the model as it is",
    "scale.batch_size": "batch sizes of the proxies, for a command with {batch_size}; [] for the batch as it is [sequences]",
    "ablate": "variants of what was selected, each at its own best LR (docs/ablations.md); null for off",
    "train.warmup_steps": _WARM_UP,
}


def completed(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Give a tree that names a script the keys that do not apply, as the package has them; nothing reads their values."""
    whole = dict(tree)
    for key in NOT_APPLYING if names_script(tree) else ():
        section, _, name = key.partition(".")
        if not name:
            whole.setdefault(key, _OFF.get(key, _ours()[key]))
        elif isinstance(below := whole.get(section), Mapping):
            whole[section] = {name: _OFF.get(key, _ours()[section][name]), **below}
    return whole


def needless(tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Find keys beside a script that do not apply."""
    for key in NOT_APPLYING if names_script(tree) else ():
        section, _, name = key.partition(".")
        if section in tree and (not name or (isinstance(tree[section], Mapping) and name in tree[section])):
            yield Problem(key, Nothing("a key of the built-in model"), "none beside a trainer of your own", "remove it")


def names_script(tree: Mapping[str, Any]) -> bool:
    """Say whether a tree of params.yaml names a script."""
    return "trainer" in tree and tree["trainer"] is not None


def problems(p: Params) -> Iterator[Problem]:
    """Find what is wrong between the command of a script and the rest."""
    script = p.trainer
    if script is None:
        return
    names = ("lr", *(name for name in p.sweep_bayes.space if name != "lr"))
    taken = dict.fromkeys((*names, *p.select.default))
    for word in settings.unknown(script.words, taken):
        known = ", ".join(f"{{{name}}}" for name in (*taken, *settings.OWN))
        remedy = (
            f"correct it, add it to sweep_bayes.space or to select.default, or write {{{{{word}}}}} where the braces are meant;"
            " a secret belongs in the environment, which is not recorded"
        )
        yield Problem("trainer.command", Nothing(f"{{{word}}}"), f"one of {known}", remedy)
    yield from _place_problems(script.curve)
    used = script.words & {*names, "until"}
    if not used and "dir" in script.words:
        return  # it reads all from trial.json
    needed = (*names, *(("until",) if script.resume else ()))
    for word in needed:
        if word not in script.words:
            expected = f"{{{word}}} in it, or no name at all and {{dir}}, whose trial.json the script then reads"
            yield Problem("trainer.command", shlex.split(script.command)[0] + " …", expected, f"add {{{word}}}")
    if not script.resume and not script.words & {"steps", "until"}:
        expected = "{steps} in it: trials, proxies and the final training differ in length"
        yield Problem("trainer.command", shlex.split(script.command)[0] + " …", expected, "add {steps}")
    if p.sweep_bayes.metric.name == "m_u" and not script.logs_lrs:
        expected = "another metric: M_u needs the LR of each eval"
        yield Problem("sweep_bayes.metric.name", "m_u", expected, "log the LR and name it in trainer.curve.lr")


def _place_problems(curve: CurveFile | CurvePattern) -> Iterator[Problem]:
    """Find a file that is not a trial's own, or with words that are put into commands alone."""
    if isinstance(curve, CurveFile):
        words = settings.words_of(curve.file)
        if other := sorted(words - {"dir"}):
            expected, remedy = "{dir} and no other word in braces", "write it out, or * for what differs"
            yield Problem("trainer.curve.file", Nothing(f"{{{other[0]}}}"), expected, remedy)
        elif not words:
            expected = "{dir} in it, which is the folder of the trial: all trials would have one curve"
            yield Problem("trainer.curve.file", curve.file, expected, "let the script write to {dir}, and name the file there")


def unexpanded(command: str) -> Iterator[str]:
    """Name the words that a shell would have expanded, and that the script gets as they stand: ~, globs, "$NAME" in quotes.

    >>> [said.split(",")[0] for said in unexpanded("python ~/train.py --data data/*.bin --as 'a*' --lr={lr}")]
    ['trainer.command: ~/train.py', 'trainer.command: data/*.bin']
    """
    bare = _QUOTED.sub("_", command)
    found = [word for word in bare.split() if word.startswith("~") or (not word.startswith("-") and re.search(r"[*?]", word))]
    if not any(word.rpartition("/")[2] in settings.SHELLS for word in shlex.split(command)):
        found += re.findall(r'"[^"\\]*\$\w+[^"]*"', command)
    for word in found:
        yield f"trainer.command: {word}, which a shell would expand, reaches the script as it is; write it out, or use sh -c '…'"


@cache
def _ours() -> Mapping[str, Any]:
    path = shipped("params.yaml")
    return yamlfile.parse(yamlfile.read(path), path)
