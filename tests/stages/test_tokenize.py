"""tokenize: texts that no trial could be trained on are refused here, before any training."""

import pytest

from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.store.results import Results
from lrsweep.text.corpus import END_OF_TEXT
from tests.pipeline import ROOT, run_stage

PARAMS = checking.load(ROOT / "params.yaml")


@pytest.mark.parametrize(
    ("short", "word", "remedy"),
    [("train", "training", "lower it"), ("valid", "validation", "corpus.valid_share"), ("test", "test", "corpus.test_share")],
)
def test_a_text_no_longer_than_the_context_is_refused(short, word, remedy, tmp_path):
    (tmp_path / "corpus").mkdir()
    for side in ("train", "valid", "test"):
        text = "abc" if side == short else "abc " * 100
        (tmp_path / f"corpus/{side}.txt").write_text(f"{text}\n{END_OF_TEXT}\n")
    (tmp_path / "tokenize").mkdir()
    params = PARAMS.model_copy(update={"tokenize": PARAMS.tokenize.model_copy(update={"vocab_size": 257})})
    with pytest.raises(UserError, match=rf"model\.context_length: found 64 with a {word} text of 4 tokens.*{remedy}"):
        run_stage("tokenize", params, Results(tmp_path))
    assert not (tmp_path / "tokenize/tokens.json").exists()
