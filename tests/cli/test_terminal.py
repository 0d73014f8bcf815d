"""What reaches a real terminal: nobody's name, tag or setting moves its cursor or names its window."""

import json
import os
import pty
import subprocess
import sys

import pytest

from prep.names import printable, shown
from tests.support.pictures import drawing, save

EVIL = "\x1b]0;MINE\x07\x1b[31mred\x1b[2K\x9b1A\u202eltr\u2066\udcff"
PLAIN = r"\x1b]0;MINE\x07\x1b[31mred\x1b[2K\x9b1A\u202eltr\u2066\xff"
COMMANDS = """
import json, os, sys
from prep.cli import main
from prep.process.report import Report

for arguments in json.loads(sys.argv[1]):
    sys.argv = ["prep", *arguments]
    try:
        main()
    except SystemExit as left:
        print("left with", left.code)
with Report() as report:
    for _ in report.bar("scan", "ab", 2):
        report.say("said " + os.fsdecode(os.environb[b"EVIL"]))
"""


def on_a_terminal(*commands: list) -> str:
    """What a terminal is sent by these commands, one after the other in one process."""
    ours, theirs = pty.openpty()
    texts = json.dumps([[str(each) for each in command] for command in commands])
    process = subprocess.Popen(
        [sys.executable, "-c", COMMANDS, texts], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm", "EVIL": EVIL},
    )  # fmt: skip
    os.close(theirs)
    sent = b""
    try:
        while more := os.read(ours, 65536):
            sent += more
    except OSError:  # Linux: the other end is closed
        pass
    assert process.wait(timeout=20) == 0
    os.close(ours)
    return sent.decode()


def test_no_control_character_of_anybodys_reaches_the_terminal(tmp_path):
    folder = tmp_path / f"1_mi{EVIL}"
    save(drawing(1, 64, 64), folder / f"a{EVIL}.png")
    (folder / f"a{EVIL}.txt").write_text("mira, \x1b[31m1girl {a|b\x07}\n")
    (folder / f"b{EVIL}.png").write_bytes(b"junk")
    empty = tmp_path / f"empty{EVIL}"
    empty.mkdir()
    sent = on_a_terminal(
        ["lint", tmp_path, "--all"],
        ["status", empty],
        ["push", empty, "me/set"],
        ["run", empty, "--set", f"a.{EVIL}=1"],
        ["run", empty],
        ["run", empty, f"--x{EVIL}"],
        ["run", empty, "--to", EVIL],
        ["run", empty, "--runner", EVIL],
        [EVIL],
        ["models", "get", EVIL],
    )
    assert "Traceback" not in sent and sent.count("left with") == 10
    assert f"said {PLAIN}" in sent and sent.count(PLAIN) > 8
    for mark in ("\x1b]", "\x1b[31m", "\x1b[2K", "\x07", "\x9b", "\u202e", "\u2066"):
        assert mark not in sent, mark


@pytest.mark.parametrize(
    "text, plain",
    [
        ("two\n\tlines \u00e9 \u65e5", "two\n\tlines \u00e9 \u65e5"),
        (EVIL, PLAIN),
        ("\r\x00\x85\u2028", r"\r\x00\x85\u2028"),
        ("\ud800 \U000e0001", r"\ud800 \U000e0001"),
    ],
)
def test_what_is_not_printable_is_escaped(text, plain):
    assert shown(text) == plain


def test_a_name_with_half_a_character_out_of_json_is_text_too():
    assert printable("a\ud800\n") == r"a\ud800\n"
