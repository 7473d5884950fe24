"""The split of documents: each side takes its own, and what stands on two sides is counted."""

import pytest

from tests.text.test_corpus import of_files, section, write


@pytest.mark.parametrize("seed", range(30))
def test_documents_of_the_test_are_not_taken_from_validation(tmp_path, seed):
    """Whatever the share of the test, validation has the same documents. A text of few has some on each side too."""
    _, _, valid, _ = write(tmp_path, section(stories_mb=0.01), seed)
    for share in (0.01, 0.3, 0.6):
        _, train, same, more = write(tmp_path, section(stories_mb=0.01, test_share=share), seed)
        assert same == valid and more and not {*train, *valid} & {*more}


def test_documents_held_out_that_stand_in_training_are_counted_and_left_out_where_asked(tmp_path, capsys):
    (tmp_path / "in.txt").write_text("\n\n".join(f"Story {number % 30}." for number in range(300)))
    summary, train, *held_out = write(tmp_path, of_files(tmp_path / "in.txt"))
    said = capsys.readouterr().err
    for side, word, found in zip(("valid", "test"), ("validation", "test"), held_out, strict=True):
        assert summary[side]["in_training"] == len(found) == sum(one in set(train) for one in found)
        assert f"{len(found)} of {len(found)} {word} documents stand in training too" in said
    summary, train, valid, test = write(tmp_path, of_files(tmp_path / "in.txt", repeated="drop"))
    assert summary["valid"]["in_training"] == summary["test"]["in_training"] == 0
    assert not set(train) & {*valid, *test} and len(train + valid + test) == 30
    assert capsys.readouterr().err == ""
