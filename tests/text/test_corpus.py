"""The corpus: documents in, the same documents out, split by document; downloads resume; what cannot be read is named."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsweep.errors import UserError
from lrsweep.text import corpus, download, formats
from lrsweep.text.corpus import read_beginnings, read_documents, write_corpus
from lrsweep.text.download import fetch
from lrsweep.text.settings import Corpus
from lrsweep.text.sources import source_files
from lrsweep.text.stories import stories

STORIES = {"source": "stories", "stories_mb": 0.1, "paths": (), "separator": None, "valid_share": 0.1, "test_share": 0.1}
STORIES |= {"column": "text", "repeated": "keep"}
NONE = {"url": None, "sha256": None, "valid_url": None, "valid_sha256": None, "test_url": None, "test_sha256": None}


def section(**changes):
    return Corpus(**{**STORIES, **NONE, **changes})


def of_files(*paths, **changes):
    return section(source="files", paths=tuple(map(str, paths)), **changes)


def write(tmp_path, part, seed=0):
    summary = write_corpus(part, seed, tmp_path, tmp_path / "downloads")
    return summary, *(list(read_documents(tmp_path / f"{side}.txt")) for side in ("train", "valid", "test"))


def test_stories_are_split_by_story(tmp_path):
    summary, train, valid, test = write(tmp_path, section(stories_mb=0.5))
    assert sorted(train + valid + test) == sorted(stories(0, 500_000))
    assert [summary[side]["documents"] for side in ("train", "valid", "test")] == [len(train), len(valid), len(test)]
    assert all(0.06 < len(one) / len(train + valid + test) < 0.14 for one in (valid, test))
    assert summary["valid"]["sha256"] == hashlib.sha256((tmp_path / "valid.txt").read_bytes()).hexdigest()


def test_a_longer_text_moves_no_document_to_the_other_side(tmp_path):
    _, *sides = write(tmp_path, section())
    _, *longer = write(tmp_path, section(stories_mb=0.2))
    assert all(more[: len(side)] == side for side, more in zip(sides, longer, strict=True))
    _, _, *others = write(tmp_path, section(), seed=1)
    assert all(other != side for side, other in zip(sides[1:], others, strict=True))


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("one\n\ntwo\n \n\n\nthree\n", None),
        ("one\n\ntwo<|endoftext|>\nthree\n<|endoftext|>four", None),
        ("one#two##three#", "#"),
        ("one\r\n--\r\ntwo\r\n--\r\nthree", "\r\n--\r\n"),
        ("one#two<|endoftext|>three", "#"),  # the mark always ends a document: it cannot stand inside one
    ],
)
def test_documents_of_files(tmp_path, text, separator):
    (tmp_path / "in.txt").write_bytes(text.encode())
    summary, *sides = write(tmp_path, of_files(tmp_path / "in.txt", separator=separator))
    expected = [["one\n\ntwo"], ["three"], ["four"]] if "four" in text else [["one"], ["two"], ["three"]]
    assert sides == expected
    source = {"path": str(tmp_path / "in.txt"), "bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert summary["sources"] == [source]


def test_windows_line_ends_and_a_byte_order_mark(tmp_path):
    (tmp_path / "in.txt").write_bytes("\ufeffone\r\nmore\r\n\r\ntwo\r\r\rthree\r".encode())
    _, *sides = write(tmp_path, of_files(tmp_path / "in.txt"))
    assert sides == [["one\nmore"], ["two"], ["three"]]


# Split anywhere, in pieces of a few bytes, a text gives the same documents.
@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(["a", "é", "𝄞", "\r\n", "\n", " ", "<|endoftext|>", "<|end", "#", "b c"]), min_size=1, max_size=25
    ),
    size=st.integers(1, 7),
    separator=st.sampled_from([None, "<|endoftext|>", "#", "\n#"]),
)
def test_pieces_change_nothing(tmp_path_factory, parts, size, separator):
    path = tmp_path_factory.mktemp("pieces") / "in.txt"
    path.write_bytes("".join(parts).encode())
    whole = list(formats.documents(path, separator, "text")), corpus._find_separator([path])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "CHUNK_BYTES", size)
        assert (list(formats.documents(path, separator, "text")), corpus._find_separator([path])) == whole
    assert all(document == document.strip() != "" and corpus.END_OF_TEXT not in document for document in whole[0])


def test_files_in_the_order_of_their_names(tmp_path):
    for name in "cab":
        (tmp_path / f"{name}.txt").write_text(name)
    part = of_files(tmp_path / "c.txt", tmp_path / "*.txt")
    assert [path.name for path in source_files(part)] == ["c.txt", "a.txt", "b.txt"]
    assert source_files(section()) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", r"in\.txt: found an empty file"),
        (b"one\n\na\0b", r"NUL byte at 6 \(line 3\)"),
        (b"one\n\nabc\xff", r"not UTF-8 at 8 \(line 3\)"),
        ("one\n\né".encode()[:-1], r"not UTF-8 at 5 \(line 3\)"),  # cut inside a character
        (b"only one", "found 1 for training, 0 for validation, 0 for test, expected at least one document each"),
        (b" \n\n \n", "found 0 for training"),
    ],
)
@pytest.mark.parametrize("chunk", [1 << 20, 2])
def test_unusable_files_are_named(tmp_path, monkeypatch, data, says, chunk):
    monkeypatch.setattr(formats, "CHUNK_BYTES", chunk)
    (tmp_path / "in.txt").write_bytes(data)
    with pytest.raises(UserError, match=says):
        write(tmp_path, of_files(tmp_path / "in.txt"))
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


def test_a_text_without_separators_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "DOCUMENT_LIMIT", 1000)
    (tmp_path / "in.txt").write_text("word " * 300)
    with pytest.raises(UserError, match=r"in\.txt: found more than 1000 characters.*corpus\.separator"):
        write(tmp_path, of_files(tmp_path / "in.txt"))


def test_paths_without_a_file_are_named(tmp_path):
    with pytest.raises(UserError, match=r"corpus\.paths\[0\]: found 'nowhere/\*\.txt', which names no file"):
        source_files(of_files("nowhere/*.txt"))
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UserError, match=r"corpus\.paths\[1\]: found .*which is a folder.*write .*\*\.txt"):
        source_files(of_files(tmp_path / "a.txt", tmp_path))


def test_a_separator_that_no_text_has_is_named_at_the_check(tmp_path):
    (tmp_path / "in.txt").write_text("one\ntwo\nthree\n")
    part = of_files(tmp_path / "in.txt", separator="\\n")
    for ask in (lambda: read_beginnings(part), lambda: write(tmp_path, part)):
        with pytest.raises(UserError, match=r"corpus\.separator: found '\\\\n' \(2 characters\).*in double quotes \(\"\\n\"\)"):
            ask()
    _, *sides = write(tmp_path, of_files(tmp_path / "in.txt", separator="\n"))
    assert sides == [["one"], ["two"], ["three"]]


def test_two_files_of_one_text_are_read_once(tmp_path, capsys):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("one\n\ntwo\n\nthree")
    summary, *sides = write(tmp_path, of_files(tmp_path / "*.txt"))
    assert sides == [["one"], ["two"], ["three"]] and summary["sources"][1]["same_as"].endswith("a.txt")
    assert "b.txt has the text of" in capsys.readouterr().err


class Server(ThreadingHTTPServer):
    """A server on this machine whose answers a test sets."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.ranges, self.seen, self.cut = {}, True, [], None

    def address(self, name, data):
        self.files[f"/{name}"] = data
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.seen.append(asked)
        if self.path not in server.files:
            self.send_error(404)
            return
        data = server.files[self.path]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
        if start and start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", ["none", "refused"])
def test_secrets_of_an_address_are_in_no_line(tmp_path, server, answer):
    port = server.server_port if answer == "none" else 9
    with pytest.raises(UserError) as found:
        fetch(f"http://user:s3cret@127.0.0.1:{port}/a.txt?X-Signature=s3cret#s3cret", SHA256, tmp_path / "a")
    assert f"http://127.0.0.1:{port}/a.txt" in str(found.value) and "s3cret" not in str(found.value)


DATA = "".join(f"Story {number}.\n<|endoftext|>\n" for number in range(200)).encode()
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_where_it_broke_off(tmp_path, server, ranges, capfd, monkeypatch):
    monkeypatch.setattr(download, "CHUNK_BYTES", 100)
    server.cut, server.ranges = 1000, ranges
    address = server.address("a.txt", DATA)
    with pytest.raises(UserError, match="run again to go on where it broke off"):
        fetch(address, SHA256, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    server.cut = None
    assert fetch(address, SHA256, tmp_path / "a").read_bytes() == DATA
    assert server.seen == [None, "bytes=1000-"]
    fetch(address, SHA256, tmp_path / "a")
    assert len(server.seen) == 2, "a file with the right digest needs no network"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"] and capfd.readouterr() == ("", "")


def test_a_part_that_was_whole(tmp_path, server):
    (tmp_path / "a.part").write_bytes(DATA)
    assert fetch(server.address("a.txt", DATA), SHA256, tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("stale", [b"x" * 1000, b"x" * 10**6])
def test_a_part_of_another_file_is_fetched_anew(tmp_path, server, stale):
    (tmp_path / "a.part").write_bytes(stale)
    assert fetch(server.address("a.txt", DATA), SHA256, tmp_path / "a").read_bytes() == DATA


def test_a_wrong_digest(tmp_path, server):
    with pytest.raises(UserError, match=f"found sha256 {SHA256}, expected {'0' * 64}"):
        fetch(server.address("a.txt", DATA), "0" * 64, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_addresses_that_cannot_be_fetched(tmp_path, server):
    with pytest.raises(UserError, match="found HTTP 404 Not Found, expected a file; correct the address"):
        fetch(server.address("a.txt", DATA) + "x", SHA256, tmp_path / "a")
    for address in ("file:///etc/hosts", "data/a.txt"):
        with pytest.raises(UserError, match=r"corpus\.url: found .*expected an address with http"):
            fetch(address, SHA256, tmp_path / "a")
    with pytest.raises(UserError, match="ConnectionError"):
        fetch("http://127.0.0.1:1/a.txt", SHA256, tmp_path / "a")


def test_a_side_with_an_address_of_its_own_takes_nothing_from_training(tmp_path, server):
    held_out = b"A.\n<|endoftext|>\nB.\n"
    digest = hashlib.sha256(held_out).hexdigest()
    urls = {"url": server.address("train.txt", DATA), "valid_url": server.address("valid.txt", held_out)}
    part = section(source="url", sha256=SHA256, valid_sha256=digest, **urls)
    summary, train, valid, test = write(tmp_path, part)
    assert len(train + test) == 200 and len(test) > 5 and valid == ["A.", "B."]
    assert [source["path"] for source in summary["sources"]] == ["corpus.url", "corpus.valid_url"]
    both = {"test_url": urls["valid_url"], "test_sha256": digest}
    summary, train, valid, test = write(tmp_path, part.model_copy(update=both))
    assert len(train) == 200 and valid == test == ["A.", "B."]
    assert summary["sources"][2]["path"] == "corpus.test_url"
    _, train, valid, test = write(tmp_path, section(source="url", url=urls["url"], sha256=SHA256))
    assert len(train + valid + test) == 200 and len(valid) > 5 and len(test) > 5


def test_a_download_is_not_written_through_a_link(tmp_path, server):
    mine = tmp_path / "profile"
    mine.write_text("mine")
    (tmp_path / "a.part").symlink_to(mine)
    with pytest.raises(UserError, match=r"a\.part: found a link, expected the beginning of a download; remove it \(rm "):
        fetch(server.address("a.txt", DATA), SHA256, tmp_path / "a")
    assert mine.read_text() == "mine"
