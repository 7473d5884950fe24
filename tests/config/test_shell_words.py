"""Words of a command that only a shell reads: refused where they are certain, named where a script may read them itself."""

import pytest

from lrsweep.config import script, starting
from lrsweep.errors import UserError


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("t {lr} data/*.bin", ["data/*.bin"]),
        ("~/t {lr} a?", ["~/t", "a?"]),
        ('t {lr} "$HOME/x"', ['"$HOME/x"']),
        ("t {lr} 'data/*.bin' --p=a* '$HOME' \\*", []),
        ('sh -c "t {lr} $HOME"', []),
    ],
)
def test_words_that_a_shell_would_expand_are_named(command, words):
    said = list(script.unexpanded(command))
    assert [one.split(", which")[0].removeprefix("trainer.command: ") for one in said] == words


@pytest.mark.parametrize("word", ["|", ">", "2>&1", "<in", "&&", ";", "$HOME", "${{HOME}}", "--x=$HOME", "`date`", "X=1;"])
def test_words_of_a_shell_are_refused_outside_of_quotes(word):
    curve = {"pattern": "(?P<step>.)(?P<loss>.)"}

    def started(command):
        starting.params(starting.Start({"command": command, "reads": [], "curve": curve, "resume": True}, {}, 100, 10, None))

    with pytest.raises(UserError, match="outside of quotes, since no shell reads it: put it into sh -c"):
        started(f"t {{lr}} {{until}} {word} log")
    for quoted in (f"t {{lr}} {{until}} '{word}'", f"sh -c 't {{lr}} {{until}} {word} log'", "t {lr} {until} --p=a|b --re=^a$"):
        started(quoted)
