"""dvc.yaml lists the parameters that a stage reads: the tiny pipeline in this process, with every read recorded."""

from pathlib import Path

import pytest

from lrsweep.config import checking
from lrsweep.provenance import pipeline
from lrsweep.section import Section
from lrsweep.store.results import FOLDER, Results
from tests.pipeline import clone, run_stage

SHARES = {"corpus.valid_share", "corpus.test_share"}
BUILT_IN = {"corpus.source", "corpus.stories_mb", "corpus.repeated"} | SHARES  # what the built-in source reads
ADDRESSES = {"corpus.url", "corpus.valid_url", "corpus.test_url"}  # the digests of what is behind them decide


class Reads:
    """The keys of the values that were read from a tree of sections; a section that is handed on is not read yet."""

    def __init__(self, params):
        self.keys = set()
        self.paths = {}
        self._name(params, ())

    def _name(self, section, path):
        self.paths[id(section)] = path
        for name in type(section).model_fields:
            if isinstance(value := getattr(section, name), Section):
                self._name(value, (*path, name))

    def note(self, section, name, value):
        if id(section) in self.paths and name in type(section).model_fields and not isinstance(value, Section):
            self.keys.add(".".join((*self.paths[id(section)], name)))

    def note_all(self, section, names=None):
        for name in names or type(section).model_fields:
            if isinstance(value := object.__getattribute__(section, name), Section):
                self.note_all(value)
            else:
                self.note(section, name, value)


@pytest.fixture
def reads(tmp_path, monkeypatch):
    """The parameters of the tiny pipeline in a fresh folder, whose reads are recorded, and the Reads."""
    monkeypatch.chdir(clone(tmp_path / "project"))
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    loaded = checking.load(Path("params.yaml"))
    found = Reads(loaded)
    plain, dump = Section.__getattribute__, Section.model_dump

    def read(self, name):
        value = plain(self, name)
        if not name.startswith("_"):
            found.note(self, name, value)
        return value

    def dump_all(self, *args, **options):
        found.note_all(self, options.get("include"))
        return dump(self, *args, **options)

    monkeypatch.setattr(Section, "__getattribute__", read)
    monkeypatch.setattr(Section, "model_dump", dump_all)
    return loaded, found


def covers(listed, key):
    return key == listed or key.startswith(f"{listed}.")


def test_stages_read_the_parameters_that_dvc_yaml_lists(reads):
    params, found = reads
    unlisted, unread = {}, {}
    for name, stage in pipeline.load().items():
        found.keys.clear()
        run_stage(name, params, Results(FOLDER))
        results = {key for key in found.keys if not covers("execution", key) or key == "execution.device"} - ADDRESSES
        missing = {key for key in results if not any(covers(listed, key) for listed in stage.params)}
        spare = {listed for listed in stage.params if not any(covers(listed, key) for key in found.keys)}
        spare -= {one for one in spare if one.startswith("corpus.") and one not in BUILT_IN}
        if missing and name != "check":  # it depends on params.yaml as a whole
            unlisted[name] = sorted(missing)
        if spare:
            unread[name] = sorted(spare)
    assert unlisted == {}
    assert unread == {}
    assert (FOLDER / "report/index.html").is_file()
