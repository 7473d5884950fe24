"""Secrets in addresses: in no message, whatever the mistake, and whatever came of fetching them."""

import pytest

from lrsweep import addresses, errors, terminal
from lrsweep.config import checking
from lrsweep.config.violations import Problem
from lrsweep.errors import UserError
from lrsweep.text.download import fetch
from tests.pipeline import ROOT, with_value

SECRET = "s3cret"
PLACES = [
    "http://me:s3cret@127.0.0.1:9/a.txt?key=s3cret#s3cret",
    "http://me:p@s3cret@127.0.0.1:9/a.txt#s3cret",
    "http://127.0.0.1:9/a.txt?key='s3cret'#it's s3cret",
    "http://me:s3cret/5@127.0.0.1/a.txt",
    "http://[me?s3cret",
    "http://me:s3cret@host:99999/a.txt",
    "http://me:s3cret@a..b/x#s3cret",
    "http:///x?s3cret#s3cret",
    "http://\u2100.org/?s3cret",
    "ftp://me:s3cret@host/a.txt?s3cret",
]


@pytest.mark.parametrize("url", PLACES)
def test_no_secret_of_an_address_is_in_the_line_of_a_download(url, tmp_path):
    with pytest.raises(UserError) as found:
        fetch(url, "0" * 64, tmp_path / "a")
    assert SECRET not in str(found.value) and "found " in str(found.value)


@pytest.mark.parametrize("url", PLACES[3:])
def test_an_address_that_cannot_be_one_is_refused_before_any_work(url, tmp_path):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for key, value in {"corpus.source": "url", "corpus.url": f"'{url}'", "corpus.sha256": "a" * 64}.items():
        text = with_value(text, key, value)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"corpus\.url: found .*expected an address with http:// or https:// and a host") as found:
        checking.load(tmp_path / "params.yaml")
    assert SECRET not in str(found.value)


def test_a_value_in_the_place_of_another_is_shown_without_its_secrets(capsys):
    url = f"https://{'user' * 15}:s3cret@host/a.txt?key=s3cret"
    assert SECRET not in str(Problem("corpus.urll", url, "a known key", "correct its name"))
    errors.exit_code(lambda: (_ for _ in ()).throw(UserError(f"found {url}, expected none")))
    terminal.say(f'{{"url": "{url}", "b": 1}}')
    said = capsys.readouterr()
    assert said.err == "lrsweep: found https://host/a.txt, expected none\n"
    assert said.out == '{"url": "https://host/a.txt", "b": 1}\n'


@pytest.mark.parametrize("url", ["https://host/a.txt", "file:///a/live.html", "//host", "a?b#c", "HTTP://HOST:80/A%20b;c"])
def test_what_holds_no_secret_stays(url):
    assert addresses.in_public(f"found {url}, expected") == f"found {url}, expected"
