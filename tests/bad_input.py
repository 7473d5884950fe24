"""What people get wrong, one case a line: what they wrote, and the parts of the one line that they get for it.

Each line must hold the place (key path, or file and line), what was found, what was expected, and what to do.
"""

import gzip
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from tokenizers import Tokenizer, models, pre_tokenizers

NONE: Mapping = MappingProxyType({})


class Case(NamedTuple):
    """A mistake, the command that meets it first, and the parts of its line."""

    name: str
    place: str
    found: str
    expected: str
    remedy: str
    params: Mapping[str, str] | str = NONE  # YAML that stands at a key of params.yaml, or the whole of that file
    renamed: tuple[str, str] | None = None  # a key of params.yaml, and what its last part was written as
    files: Mapping[str, str | bytes] = NONE  # what is there beside params.yaml
    command: str = "check"


def value(name, key, yaml, found, expected, remedy, place=""):
    """A wrong value in params.yaml."""
    return Case(name, f"params.yaml: {place or key}:", f"found {found}", expected, remedy, params={key: yaml})


def whole(name, yaml, place, found, expected, remedy):
    """A params.yaml that cannot be read."""
    return Case(name, f"params.yaml: {place}", f"found {found}", expected, remedy, params=yaml)


def text(name, data, place, found, expected, remedy, paths="data/in.txt", command="corpus", separator="null"):
    """A wrong corpus."""
    params = {"corpus.source": "files", "corpus.paths": f"[{paths}]", "corpus.separator": separator}
    return Case(name, place, found, expected, remedy, params=params, files={"data/in.txt": data}, command=command)


def table(name, data, place, found, expected, remedy, options="--rungs 20 --rungs 40", file="curves.csv"):
    """A wrong table of curves."""
    return Case(name, place, found, expected, remedy, files={file: data}, command=f"rules {file} {options}")


def export(name, data, place, found, expected, remedy, file="runs.jsonl", options="--into data/new"):
    """A wrong export of a sweep of 40 steps, with an eval every 20."""
    budget = {"steps": "40", "warmup_steps": "4", "eval_every": "20"}
    params = {f"sweep_uniform.{key}": number for key, number in budget.items()} | {"sharpness.steps": "[5, 40]"}
    command = f"import wandb sweep_uniform {file} {options}"
    return Case(name, place, found, expected, remedy, params=params, files={file: data}, command=command)


def line(name, command, place, found, expected, remedy, **more):
    """A wrong command line."""
    return Case(name, place, f"found {found}", expected, remedy, command=command, **more)


def tokenizer():
    """A tokenizer without merges: a byte is a token."""
    alphabet = {character: i for i, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made.to_str()


PARAMS = [
    Case("an unknown section", "params.yaml: extra:", "found {'a': 1}", "a known key", "remove the line", {"seed": "0\nextra: {a: 1}"}),
    Case("a misspelt section", "params.yaml: tokenise:", "found {", "nearest: tokenize", "correct its name", renamed=("tokenize", "tokenise")),
    Case("a misspelt key", "params.yaml: sweep_bayes.frist_block:", "found 8", "nearest: first_block", "correct its name",
         renamed=("sweep_bayes.first_block", "frist_block")),
    Case("a misspelt key of a range", "params.yaml: sweep_uniform.lr.mx:", "found 0.5", "nearest: max", "correct its name",
         renamed=("sweep_uniform.lr.max", "mx")),
    Case("a missing key", "params.yaml: sweep_bayes.space.beta2.scale:", "found nothing", "a value", "add the line",
         {"sweep_bayes.space.beta2": "{min: 0.95, max: 0.999}"}),
    whole("an empty params.yaml", "", "", "nothing", "a mapping", "from the repository again"),
    whole("a list", "- lr\n- seed\n", "", "a list", "a mapping", "from the repository again"),
    whole("a key twice", "lr: null\nseed: 0\nseed: 1\n", "line 3:", "'seed' a second time", "each key once", "the first stands in line 2"),
    whole("a key twice in braces", "lr: null\nmodel: {d_model: 1, d_model: 2}\n", "line 2:", "'d_model' a second time", "once", "remove one"),
    whole("a tab", "corpus:\n  source: stories\n\tpaths: []\n", "line 3:", "a tab", "spaces", "indented with spaces"),
    whole("a bracket left open", "lr: null\npaths: [a, b\nseed: 0\n", "line 3:", "what is not YAML", "`key: value`", "a bracket"),
    whole("a number as a key", "lr: null\n1: 0\n", "line 2:", "'1' as a key", "a name", "quote it"),
    whole("a character of control", "lr: null\nseed: \x07\n", "line 2:", "the character '\\x07'", "printable text", "remove it"),
    whole("a Python object", "lr: null\nseed: !!python/name:os.system\n", "line 2:", "what is not YAML", "`key: value`", "look for"),
    value("a number in words", "lr", "high", "'high'", "number", "write it in figures"),
    value("steps with an exponent", "sweep_bayes.stopping.first_rung", "4e1", "40.0", "integer", "write 40"),
    value("steps in quotes", "train.steps", '"2000"', "'2000'", "integer", "write 2000"),
    value("steps with a point", "train.steps", "2000.0", "2000.0", "integer", "write 2000"),
    value("not a number", "lr", ".nan", "nan", "a finite number", "correct the value"),
    value("an infinity", "optimizer.weight_decay", ".inf", "inf", "a finite number", "correct the value"),
    value("a number past all floats", "lr", "1e999", "inf", "a finite number", "correct the value"),
    value("a negative LR", "lr", "-0.001", "-0.001", "greater than 0", "correct the value"),
    value("an LR of 0 in a range", "sweep_uniform.lr.min", "0", "0", "greater than 0", "correct the value"),
    value("a minimum above the maximum", "sweep_uniform.lr.min", "0.7", "0.7", "less than sweep_uniform.lr.max", "swap or change"),
    value("one number for a range", "sweep_bayes.space.lr", "0.1", "0.1", "'auto' or a mapping of min, max and scale", "lrsweep explain"),
    value("a wrong word for a range", "sweep_bayes.space.lr", "atuo", "'atuo'", "'auto' or a mapping", "lrsweep explain"),
    value("text inside a range", "sweep_bayes.space.lr", "{min: 1, max: x, scale: log}", "'x'", "number", "figures", "sweep_bayes.space.lr.max"),
    value("a name that the trainer does not take", "sweep_bayes.space", "{lr: auto, beta_2: {min: 0.9, max: 0.99, scale: linear}}", "{",
          "nearest: beta2", "correct the name", "sweep_bayes.space.beta_2"),
    value("a space without the LR", "sweep_bayes.space", "{beta2: {min: 0.9, max: 0.99, scale: linear}}", "nothing", "auto or a range",
          "add the line", "sweep_bayes.space.lr"),
    value("a choice that the trainer does not take", "sweep_bayes.space", "{lr: auto, optimizer: {choices: [adamw, moun]}}", "'moun'",
          "'adamw' or 'muon'", "write muon", "sweep_bayes.space.optimizer.choices[1]"),
    value("a default that the trainer does not take", "select.default", "{lr: -1}", "-1", "greater than 0", "correct", "select.default.lr"),
    value("an unknown scale", "sweep_uniform.lr.scale", "lin", "'lin'", "'linear' or 'log'", "write linear"),
    value("an unknown sampler", "sweep_bayes.sampler", "random", "'random'", "'gp' or 'tpe'", "write one of these"),
    value("a section without keys", "importance", "null", "None", "a mapping of keys", "lrsweep explain importance"),
    value("a beta2 of 1", "sweep_bayes.space.beta2.max", "1.0", "1.0", "less than 1", "correct the value"),
    whole("a number with a leading zero", "lr: null\nseed: 0100\n", "line 2:", "0100", "a number in plain figures", "leave out leading zeros"),
    whole("a number of base sixty", "lr: 1:30\nseed: 0\n", "line 1:", "1:30", "a number in plain figures", "colons"),
    whole("a number with an underscore", "lr: null\nseed: 1_000\n", "line 2:", "1_000", "a number in plain figures", "underscores"),
    whole("lists in lists without an end", "lr: null\nseed: " + "[" * 10_000, "line 2:", "more than 20 levels", "fewer", "take one out"),
    whole("aliases that multiply", "a: &a [1, 1, 1, 1]\n" + "".join(f"{x}: &{x} [{f'*{y}, ' * 9}]\n" for y, x in pairwise("abcdefg")),
          "line", "a file too large", "at most", "take some out"),
    value("a share above 1", "corpus.valid_share", "5", "5", "less than 1", "correct the value"),
    value("1 for true", "simulate", "1", "1", "true or false", "without quotes"),
    value("no trials", "sweep_uniform.trials", "0", "0", "greater than or equal to 1", "correct the value"),
    value("a seed of more than 63 bits", "seed", str(2**63), str(2**63), "less than 9223372036854775808", "correct the value"),
    value("a warm-up as long as training", "train.warmup_steps", "2000", "2000", "less than train.steps", "shorten the warm-up"),
    value("evals that miss the last step", "train.eval_every", "300", "300", "a divisor of train.steps", "set train.steps to 2100"),
    value("heads that do not divide d_model", "model.n_heads", "3", "3", "divisible by 2 · n_heads", "change d_model or n_heads"),
    value("a vocabulary over 65,536", "tokenize.vocab_size", "65537", "65537", "less than or equal to 65536", "correct the value"),
    value("a vocabulary under 257", "tokenize.vocab_size", "256", "256", "greater than or equal to 257", "correct the value"),
    value("a context of one token", "model.context_length", "1", "1", "greater than or equal to 2", "correct the value"),
    value("a rung between evals", "sweep_bayes.stopping.first_rung", "42", "42", "must fall on an eval", "set it to 40"),
    value("a rung past the end", "sweep_bayes.stopping.first_rung", "600", "600", "counted in steps, not in evals", "set it to"),
    value("a metric that is not there yet", "sweep_bayes.metric.name", "m_u", "40", "past eval 5", "choose another metric",
          "sweep_bayes.stopping.first_rung"),
    value("a first block too small", "sweep_bayes.first_block", "2", "2", "at least eta^rungs", "set it to 8 or more"),
    value("no first block and nothing known", "sweep_bayes.first_block", "0", "0", "at least eta^rungs", "set it to 8 or more"),
    Case("a prior of another length", "params.yaml: sweep_bayes.prior:", "found 'sweep_uniform'", "sweep_uniform.steps is 60, sweep_bayes.steps 300",
         "set it to null", {"sweep_bayes.prior": "sweep_uniform", "sweep_uniform.steps": "60", "sharpness": "null"}),
    value("a first block too large", "sweep_bayes.first_block", "200", "200", "at most sweep_bayes.trials", "lower it"),
    value("more clusters at least than at most", "cluster.k_min", "7", "7", "at most cluster.k_max (6)", "swap them"),
    value("a budget below the first round", "select.budget", "5", "5", "at least 12", "or lower select.candidates"),
    value("a measurement past the end", "sharpness.steps", "[5, 301]", "[5, 301]", "up to sweep_uniform.steps (300)", "correct them"),
    value("no prompts", "generate.prompts", "[]", "[]", "at least one prompt", "add one"),
    value("half a character in a prompt", "generate.prompts", r'["\ud83d"]', r"'\ud83d'", "whole characters", "correct", "generate.prompts[0]"),
    value("a number as a prompt", "generate.prompts", "[5]", "5", "text", "put it into quotes", "generate.prompts[0]"),
    value("no files named", "corpus.source", "files", "[]", "at least one path", "name your text files", "corpus.paths"),
    Case("a path longer than the system takes", "data/aaaa", "found file name too long", "a path that the system takes", "correct it",
         {"corpus.source": "files", "corpus.paths": f'["data/{"a" * 300}"]'}),
    value("an unknown source", "corpus.source", "story", "'story'", "'stories', 'files' or 'url'", "write stories"),
    value("a corpus of no stories", "corpus.stories_mb", "0", "0", "greater than 0", "correct the value"),
    value("a path without brackets", "corpus.paths", "data/a.txt", "'data/a.txt'", "a list", "write it in brackets"),
    value("a URL without its digest", "corpus.source", "url\n  #", "None", "a value with source: url", "give the address", "corpus.url"),
    value("a digest that is too short", "corpus.sha256", "abc", "'abc'", "64 hexadecimal digits", "sha256sum"),
    Case("a URL of another kind", "params.yaml: corpus.url:", "found 'ftp://a/b'", "http:// or https://", "use source: files",
         {"corpus.source": "url", "corpus.url": "ftp://a/b", "corpus.sha256": "a" * 64}),
]  # fmt: skip

TEXTS = [
    text("an empty file", b"", "data/in.txt:", "found an empty file", "expected UTF-8 text", "fill it or leave it out"),
    text("a binary file", b"\x89PNG\n\0\0", "data/in.txt:", "found a NUL byte at 5 (line 2)", "expected UTF-8 text", "Convert it"),
    text("another encoding", "zwei\n\nfünf\n".encode("latin-1"), "data/in.txt:", "not UTF-8 at 7 (line 3)", "UTF-8 text", "convert it"),
    text("UTF-16", "one\n\ntwo".encode("utf-16"), "data/in.txt:", "found UTF-16", "UTF-8 text", "iconv -f UTF-16 -t UTF-8"),
    text("one line", b"a single line", "corpus.source:", "found 1 for training, 0 for", "at least one document each", "give more text"),
    text("blank lines alone", b"\n \n\n", "corpus.source:", "found 0 for training, 0 for", "at least one document each", "give more text"),
    text("before any work", b"one\n\n\0", "data/in.txt:", "found a NUL byte", "expected UTF-8 text", "Convert it", command="check"),
    text("a separator of a backslash and an n", b"one\ntwo", "corpus.separator:", "found '\\\\n' (2 characters)", "stands between",
         'in double quotes ("\\n")', command="check", separator="'\\n'"),
    text("a zip archive", b"PK\x03\x04..", "data/in.txt:", "found a zip archive", "expected UTF-8 text", "make a text", command="check"),
    text("xz", b"\xfd7zXZ\x00..", "data/in.txt:", "found xz", "expected UTF-8 text", "gzip, bzip2 or zstd", command="check"),
    text("half of a gzip file", gzip.compress(b"one\n\ntwo")[:15], "data/in.txt:", "found ", "a file of UTF-8 text", "correct the path",
         command="check"),
    text("JSON over several lines", b'{"text":\n"a"}', "data/in.txt: line 1:", "not an object on one line", "JSON lines", "jq -c",
         command="check"),
    text("a list of JSON", b'[{"text": "a"}]', "data/in.txt: line 1:", "not an object on one line", "JSON lines", "jq -c '.[]'",
         command="check"),
    text("JSON with other keys", b'{"story": "a"}', "data/in.txt: line 1:", "the keys story", "expected 'text'", "set corpus.column",
         command="check"),
    text("JSON without text", b'{"text": 1}\n', "data/in.txt: line 1:", "'text' of type int", "expected text", "set corpus.column",
         command="check"),
    text("half of a parquet file", b"PAR1....", "data/in.txt:", "found damaged parquet", "a whole file", "get it again", command="check"),
    text("a results file", b"a\n\nb", "params.yaml: corpus.paths[0]:", "found 'results/corpus/train.txt'", "a path inside data/",
         "copy the text", "results/corpus/train.txt", command="check"),
    text("a glob over everything", b"a\n\nb", "params.yaml: corpus.paths[0]:", "found '**/*.txt'", "a path inside data/",
         "copy the text", "'**/*.txt'", command="check"),
    text("a detour", b"a\n\nb", "params.yaml: corpus.paths[1]:", "found 'data/../data/in.txt'", "without ..",
         "copy the text", "data/in.txt, data/../data/in.txt", command="check"),
    Case("a text that DVC has", "corpus.paths[0]:", "found 'data/in.txt', which DVC keeps", "UTF-8 text", "dvc pull data/in.txt.dvc",
         {"corpus.source": "files", "corpus.paths": "[data/in.txt]"}, files={"data/in.txt.dvc": "outs:"}),
    Case("an archive behind a URL", "params.yaml: corpus.url:", "an address that ends in .zip", "an address of a text", "give another",
         {"corpus.source": "url", "corpus.url": "https://example.org/a.zip?b=c", "corpus.sha256": "a" * 64}),
    text("a path to nothing", b"a", "corpus.paths[0]:", "found 'data/*.text'", "UTF-8 text", "correct the path", "data/*.text"),
    text("a path to a folder", b"a", "corpus.paths[0]:", "found 'data', which is a folder", "UTF-8 text", "write 'data/*.txt'", "data"),
    text("a path outside of the project", b"a", "params.yaml: corpus.paths[0]:", "found '../in.txt'", "a path inside data/",
         "link the file there", "../in.txt"),
    text("a path from the root", b"a", "params.yaml: corpus.paths[1]:", "found '/etc/passwd'", "a path inside data/",
         "copy the text into data/", "data/in.txt, /etc/passwd"),
    text("a missing name with spaces and quotes", b"a", "corpus.paths[0]:", """found 'data/it\\'s "mine".txt', which names no file""",
         "UTF-8 text", "correct the path", """'data/it''s "mine".txt'"""),
    Case("a name with braces", "data/{a}.txt:", "found a name with a brace", "for no wildcard", "rename it",
         {"corpus.source": "files", "corpus.paths": "[data/*.txt]"}, files={"data/{a}.txt": "a\n\nb"}),
    Case("a URL with a wrong digest", "http://", "found sha256 2cf24dba5fb0", "expected aaaa", "correct the digest",
         {"corpus.source": "url", "corpus.url": "{url}", "corpus.sha256": "a" * 64}, command="corpus"),
    Case("a URL to nothing", "http://", "found HTTP 404", "expected a file", "correct the address",
         {"corpus.source": "url", "corpus.url": "{url}/nothing", "corpus.sha256": "a" * 64}, command="corpus"),
    Case("a corpus too small for the vocabulary", "tokenize.vocab_size:", "found 512", "at most the 25", "lower it", command="tokenize",
         files={"results/corpus/train.txt": "a\n<|endoftext|>\n", "results/corpus/valid.txt": "b\n<|endoftext|>\n"}),
]  # fmt: skip

HEAD = "trial,step,loss\n"
TABLES = [
    Case("no table", "curves.csv:", "no such file", "a CSV or parquet table", "correct the path", command="rules curves.csv"),
    table("an empty table", "", "curves.csv:", "found no table", "CSV or parquet", "export it again"),
    table("a table without rows", HEAD, "curves.csv:", "found no rows", "an eval in each", "export the histories"),
    table("a binary table", b"\x89PNG\xff\xfe\0", "curves.csv: line 1:", "found a byte that is not UTF-8", "UTF-8 text", "convert it"),
    table("text as parquet", HEAD, "curves.parquet:", "found no table", "CSV or parquet", "export it again", file="curves.parquet"),
    table("a column of another name", "run,step,loss\n1,2,3\n", "curves.csv:", "found columns run, step, loss", "trial, step, loss",
          "rename or add trial"),
    table("a word for a step", f"{HEAD}0,0,3\n\n0,ten,2\n", "curves.csv: line 4:", "found step 'ten'", "a whole number", "correct it"),
    table("a word for a loss", f"{HEAD}0,0,3\n0,10,low\n", "curves.csv: line 3:", "found loss 'low'", "a number", "correct it"),
    table("half a step", f"{HEAD}0,0.5,3\n", "curves.csv: line 2:", "found step 0.5", "a whole number from 0", "correct it"),
    table("a row without its trial", f"{HEAD}0,0,3\n,0,3\n", "curves.csv: line 3:", "found no trial", "its number or name", "fill it in"),
    table("a step twice", f"{HEAD}0,0,3\n0,0,2\n", "curves.csv: line 3:", "found trial 0 at step 0 again", "one loss each", "remove one"),
    table("a rung without evals", f"{HEAD}0,0,3\n0,10,2\n", "--rungs:", "found 20", "steps that the table has evals at", "export more evals"),
    table("a single trial", f"{HEAD}0,20,3\n0,40,2\n0,50,1\n", "curves.csv:", "found 1 whole trials", "at least 2", "export whole trials"),
    Case("nothing to replay", "results/edge/edge.json:", "no such file", "the stage that writes it", "`snakemake --cores all`",
         command="replay sweep_bayes"),
    Case("a study to replay that has not ended", "work/", "not all trials have a record", "a finished study", "run snakemake --cores all",
         {"sweep_bayes.space.lr": "{min: 0.01, max: 0.1, scale: log}"}, files={"results/tokenize/tokens.json": "{}"}, command="replay sweep_bayes"),
]  # fmt: skip

ROWS = '{"step": 20, "lr": 0.1, "eval/loss_nats": 3.0}, {"step": 40, "lr": 0.1, "eval/loss_nats": 2.0}'
RUN = f'{{"name": "a", "config": {{"lr": 0.1}}, "history": [{ROWS}]}}'
PLAIN = "--into data/new --name train/loss_nats= --name train/grad_norm="
EXPORTS = [
    Case("no export", "runs.jsonl:", "no such file", "an export", "correct the path", command="import wandb sweep_uniform runs.jsonl --into a"),
    export("an empty export", "", "runs.jsonl:", "holds no run", "at least one", "export it again"),
    export("a folder that is there", RUN, "--into:", "found data", "a new folder", "name another", options="--into data"),
    export("a file of another kind", "x", "runs.txt:", "found a file of type '.txt'", ".json, .jsonl, .csv or .wandb", "rename", "runs.txt"),
    export("an export in another encoding", b'{"name": "\xff"}', "runs.jsonl: line 1:", "found a byte that is not UTF-8", "UTF-8 text", "convert it"),
    export("a line cut off", f"{RUN}\n{RUN[:60]}", "runs.jsonl: line 2:", "not JSON", "a run", "export it again"),
    export("a line that is no run", "[1]\n", "runs.jsonl: line 1:", "found int", "a run with its name", "docs/imports.md"),
    export("a run twice", f"{RUN}\n{RUN}\n", "runs.jsonl: line 2, run a", "stands at runs.jsonl: line 1", "each run once", "each source once",
           options=PLAIN),
    export("a name that was not logged", RUN, "train/loss_nats:", "no run logged 'train/loss_nats'", "what it is called", "--name",
           options="--into data/new --name train/grad_norm="),
    export("an unknown name", RUN, "--name:", "found 'loss=val'", "OURS=THEIRS", "correct it", options="--into data/new --name loss=val"),
    export("a run to leave out that is not there", RUN, "--leave-out:", "found 'b'", "the name of a run: a", "correct it",
           options=f"{PLAIN} --leave-out b"),
    export("no hyperparameters", RUN.replace('{"lr": 0.1}', "{}", 1), "runs.jsonl: line 1, run a: config.lr:", "found ", "not there",
           "--name config.lr=THEIRS", options=PLAIN),
    export("a run with a negative LR", RUN.replace("0.1}", "-0.1}", 1), "runs.jsonl: line 1, run a: config.lr:", "found -0.1", "greater than 0",
           "correct it", options=PLAIN),
    export("a run with a word for a loss", RUN.replace("3.0", '"low"'), "runs.jsonl: line 1, run a, row 1: eval/loss_nats:", "found 'low'", "a number",
           "correct it", options=PLAIN),
    export("an eval that is missing", RUN.replace(ROWS, ROWS.split('}, ')[1]), "runs.jsonl: line 1, run a, row 1:", "found no eval at step 20",
           "one every 20 steps", "run.scan_history() gives all rows", options=PLAIN),
    export("a table without its runs", "nome,state\na,1\n", "runs.csv: line 1:", "found the columns ['nome', 'state']", "`run` among them",
           "docs/imports.md", "runs.csv"),
    export("a line with a cell too few", "run,step,lr\na,1\n", "runs.csv: line 2:", "found 2 cells", "expected 3", "export it again", "runs.csv"),
    Case("an import that is gone", "sweep_uniform.imported.folder:", "found 'data/gone', which holds no import.json", "import the runs", "to null",
         {"sweep_uniform.imported": f"{{folder: data/gone, sha256: {'a' * 64}}}"}, command="sweep_uniform"),
]  # fmt: skip

LINES = [
    line("a misspelt command", "repor", "", "'repor'", "a command (nearest: report)", "lrsweep --help"),
    line("an unknown option", "edge --quiet", "edge:", "--quiet", "an option of this command", "lrsweep edge --help"),
    line("a misspelt option", "estimate --step 3", "estimate:", "--step", "nearest: --steps", "lrsweep estimate --help"),
    line("an option without its value", "estimate --steps", "", "--steps in a wrong way", "requires an argument", "--help"),
    line("an option's value of another kind", "estimate --steps few", "estimate: --steps:", "'few'", "integer", "lrsweep estimate --help"),
    line("an option's value out of range", "rules a.csv --eta 1", "rules: --eta:", "'1'", "greater than or equal to 2", "lrsweep rules --help"),
    line("a look that never comes", "watch --every inf", "watch: --every:", "'inf'", "less than or equal to 86400", "lrsweep watch --help"),
    line("an argument too many", "corpus data/in.txt", "corpus:", "too many words", "no more arguments", "lrsweep corpus --help"),
    line("an argument too few", "rules", "rules:", "no TABLE", "an argument of that name", "lrsweep rules --help"),
    line("a group without its command", "export", "export:", "no command", "one of wandb", "lrsweep export --help"),
    line("another study", "import wandb sweep_unifrom a.json --into b", "import wandb: STAGE:", "'sweep_unifrom'",
         "nearest: sweep_uniform", "lrsweep import wandb --help"),
    line("a study that is not replayed", "replay sweep_uniform", "replay: STAGE:", "'sweep_uniform'", "one of 'sweep_bayes'", "replay --help"),
    line("a misspelt key to explain", "explain sweep_bayes.lagg", "KEY:", "'sweep_bayes.lagg'", "nearest: sweep_bayes.lag", "`lrsweep explain` lists"),
    line("a stage without trials", "work cluster", "STAGE:", "'cluster'", "one of sweep_uniform, edge, sharpness", "name one of these"),
    Case("a misspelt preset", "preset 'tny':", "not found in workflow/presets", "one of: ablations, quick, tiny, tinystories, wide, writeup", "write tiny",
         command="preset tny"),
    Case("a preset outside of the project", "preset '../params':", "not found in workflow/presets", "one of: ablations, quick", "NAME.yaml",
         command="preset ../params"),
    Case("a preset of unknown keys", "workflow/presets/mine.yaml:", "found tokenize.vocab_sise", "a key of params.yaml (nearest: vocab_size)",
         "correct its name", files={"workflow/presets/mine.yaml": "tokenize: {vocab_sise: 300}\n"}, command="preset mine"),
    Case("a preset that is no YAML", "workflow/presets/mine.yaml: line 2:", "found what is not YAML", "`key: value`", "look for",
         files={"workflow/presets/mine.yaml": "tokenize: {\n"}, command="preset mine"),
    Case("a file to trace outside of the project", "/etc/passwd:", "found sha256", "that of a recorded artifact", "check out the run",
         command="trace /etc/passwd"),
    Case("a file to trace that is not there", "results/nothing.json:", "no such file", "an artifact", "results/ shows",
         command="trace results/nothing.json"),
    Case("a stage whose inputs are not there", "results/sweep_uniform/trials.parquet:", "no such file", "the stage that writes it",
         "`snakemake --cores all`", command="edge"),
    Case("completions without weights", "results/tokenize/tokenizer.json:", "no such file", "the stage that writes it",
         "`snakemake --cores all`", command="generate"),
    Case("completions before the final training", "results/train/metrics.json:", "no such file", "the stage that writes it",
         "`snakemake --cores all`", files={"results/tokenize/tokenizer.json": tokenizer()}, command="generate"),
    Case("an import that is not there", "sweep_bayes.imported.folder:", "found 'data/wb', which holds no import.json", "an imported study",
         "set sweep_bayes.imported to null", {"sweep_bayes.imported": f"{{folder: data/wb, sha256: {'a' * 64}}}"}),
    Case("tracking that is off", "params.yaml: execution.tracking:", "found 'disabled'", "offline or online", "set it", command="track"),
    Case("an export into a file", "FOLDER:", "found params.yaml, which is a file", "a folder or a new name", "name another",
         command="export wandb params.yaml"),
]  # fmt: skip

CASES = [*PARAMS, *TEXTS, *TABLES, *EXPORTS, *LINES]
