"""What is printed goes wherever it was sent: into a pipe that closes, a full disk, any encoding, or nowhere."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prep.process.output import ReaderLeft, cannot_print
from prep.process.report import Report
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import prep

ENCODINGS = ("ascii", "latin-1", "cp1252")


def into(sink: str, *arguments) -> subprocess.CompletedProcess:
    """`prep ARGUMENTS SINK` in a shell -> its own exit code, and all that reached stderr."""
    script = f'"$@" {sink}; exit ${{PIPESTATUS[0]}}'
    command = ["bash", "-c", script, "bash", sys.executable, "-m", "prep", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, errors="backslashreplace", check=False)


@pytest.fixture
def broken_set(tmp_path) -> Path:
    """A folder with a finding of lint."""
    save(drawing(1, 64, 64), tmp_path / "1_mira" / "a.png").with_suffix(".txt").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("command", ["--help", "lint"])
def test_a_reader_that_leaves_is_no_fault_of_anybody(broken_set, command):
    arguments = [command] if command == "--help" else [command, broken_set, "--all"]
    done = into("| true", *arguments)
    assert done.stderr == "" and done.returncode in (0, 1, 141)  # 0 or 1: all was in the pipe before it was closed
    done = into("> /dev/full", *arguments)
    assert done.returncode == 3 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("prep: standard output cannot be written (No space left on device).")


def test_a_pipe_that_nobody_reads_ends_a_command_as_sigpipe_would(broken_set):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "prep", "lint", broken_set]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 141 and done.stderr == ""


def test_closed_streams_are_nobodys_and_no_files_either(broken_set):
    assert into("<&- >&- 2>&-", "lint", broken_set).returncode == 1
    assert into("<&- >&- 2>&-", "lint", broken_set, "--fix").returncode == 0
    assert {path.name for path in broken_set.rglob("*") if path.is_file()} == {"a.png", "a.txt"}
    assert (broken_set / "1_mira" / "a.txt").read_bytes() == b"\n"  # the line that was missing, and nothing printed


def test_a_run_goes_on_when_nobody_reads_what_it_says(tmp_path, monkeypatch):
    """And its log has every line."""
    full = Path("/dev/full").open("w")  # noqa: SIM115 - what stands in it cannot be flushed
    with Report(tmp_path / "log") as report:
        monkeypatch.setattr(sys, "stdout", full)
        report.say("scan: 1 file")
        report.say("tag: 1 image")
        assert isinstance(cannot_print(OSError(errno.EPIPE, "")), ReaderLeft)  # and from now on it goes nowhere
    full.close()
    assert [line[20:] for line in (tmp_path / "log").read_text().splitlines()] == ["scan: 1 file", "tag: 1 image"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_of_any_kind_are_printed_in_any_encoding(tmp_path, encoding):
    folder = tmp_path / os.fsdecode(b"1_\xffm\xc3\xa9\xe6\x97\xa5")
    save(drawing(1, 64, 64), folder / "\u0416.png").with_suffix(".txt").write_bytes(b"")
    done = prep("lint", tmp_path, "--all", env={**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"},
                encoding=encoding)  # fmt: skip
    assert done.returncode == 1 and done.stderr == "" and "empty" in done.stdout, done


@pytest.mark.slow
def test_a_whole_run_and_its_status_where_there_is_nothing_but_ascii(tmp_path, tiny_tagger):
    """A locale of ASCII alone, for files' names too."""
    folder_of(tmp_path / "art", **{"\u65e5\u672c": 1})
    save(drawing(5), tmp_path / "art" / os.fsdecode(b"mir\xe9") / os.fsdecode(b"b\xff.png"))
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    sets = ("--set", f"tagger.model={tiny_tagger}", "--set", "generator.model=none")
    for _ in range(2):
        done = prep("run", tmp_path / "art", "--out", tmp_path / "out", *sets, env=env)
        assert done.returncode == 0, done.stderr
    done = prep("status", tmp_path / "out", env=env)
    assert done.returncode == 0 and "mir\\xe9" in done.stdout and "a run now would read and tag nothing" in done.stdout
