"""What killed processes were writing is removed, and what others still write is not."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from lrsweep import files
from lrsweep.errors import UserError


@pytest.fixture
def ended():
    """A process that has ended and that nobody has waited for."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process
    process.wait()


def test_a_process_that_has_ended_is_not_alive(ended):
    assert not files.alive(ended.pid)
    ended.wait()
    assert not files.alive(ended.pid)
    assert files.alive(os.getpid())


def test_what_ended_processes_were_writing_is_removed(tmp_path, ended):
    here, tail = files.machine(), "0123abcd"
    kept = [f".a.svg.{here}.{os.getpid()}.{tail}", f".a.svg.{'0' * 12}.{ended.pid}.{tail}", "a.svg", f".a.{here}.svg"]
    left = [f".a.svg.{here}.{ended.pid}.{tail}", f".b.svg.{here}.{ended.pid}.{tail}", f".c.svg.{'0' * 12}.1.{tail}"]
    (tmp_path / "figures").mkdir()
    for name in kept + left:
        (tmp_path / "figures" / name).touch()
    os.utime(tmp_path / "figures" / left[-1], (0, 0))  # of another machine, and forgotten
    files.prepare(tmp_path)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == set(kept)


def test_temporary_names_cannot_be_known_before(tmp_path):
    assert files.temporary(tmp_path / "a") != files.temporary(tmp_path / "a")
    assert len(files.temporary(tmp_path / ("a" * 250)).name) < 256


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_files_have_the_rights_that_the_umask_gives(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "a", "one")
        files.append_line(tmp_path / "b", "two")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "b")] == [mode, mode]


def test_links_are_never_written_through(tmp_path):
    mine = tmp_path / "profile"
    mine.write_text("mine")
    for name in ("log", "text"):
        (tmp_path / name).symlink_to(mine)
    with pytest.raises(UserError, match=r"log: cannot be written .*remove the link or pipe"):
        files.append_line(tmp_path / "log", "one")
    files.write_text(tmp_path / "text", "two")
    assert mine.read_text() == "mine" and not (tmp_path / "text").is_symlink() and (tmp_path / "text").read_text() == "two"


def test_a_pipe_in_the_place_of_a_log_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "log")
    with pytest.raises(UserError, match=r"log: cannot be written"):
        files.append_line(tmp_path / "log", "one")


def in_the_place_of_a_folder(folder):
    (folder / "work").write_text("")


def dead_link(folder):
    (folder / "work").symlink_to(folder / "nowhere")


def link_that_loops(folder):
    (folder / "work").symlink_to("work")


@pytest.mark.parametrize("place", [in_the_place_of_a_folder, dead_link, link_that_loops])
def test_what_is_in_the_place_of_a_folder_is_named(tmp_path, place):
    place(tmp_path)
    with pytest.raises(UserError, match=r"^[^\n]*work[^\n]*, expected [^\n]*; [^\n]*$"):
        files.prepare(tmp_path / "work")


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENAMETOOLONG, errno.ENOSPC, errno.EROFS, errno.ENOTDIR])
def test_each_reason_has_a_line_and_a_remedy(tmp_path, number):
    line = r"a: cannot be written \(.*\), expected .*; .* and run the same command again"
    with pytest.raises(UserError, match=line), files.writing(tmp_path / "a"):
        raise OSError(number, os.strerror(number))


def test_a_place_where_no_folder_can_be_made_is_one_line():
    with pytest.raises(
        UserError, match=r"cannot be written \(No such file or directory\).*name a place where folders can be made"
    ):
        files.write_text(Path("/proc/none/a.txt"), "")
