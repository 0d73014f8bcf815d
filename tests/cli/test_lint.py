"""`prep lint` as a person types it, and the page that documents it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from prep.cli.lint import command
from prep.lint.look import RULES
from tests.lint.broken import clean_config, clean_folder, edited, hostile_names, pair, transcript, write_broken

PAGE = Path(__file__).parents[2] / "docs" / "LINT.md"


def lint(*arguments) -> tuple[int, list[str]]:
    """-> exit code, lines."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output.splitlines()


def test_a_clean_set_exits_with_0_and_one_line(tmp_path):
    assert lint(clean_folder(tmp_path)) == (0, ["2 images in 1 folder: nothing wrong"])


@pytest.mark.parametrize(("rule", "code"), [("caption-bom", 1), ("image-ignored", 1), ("caption-long", 0)])
def test_errors_and_warnings_exit_with_1_and_notes_with_0(tmp_path, rule, code):
    assert lint(write_broken(tmp_path, rule))[0] == code


def test_a_finding_says_what_and_where_and_why_and_what_to_do(tmp_path):
    assert lint(write_broken(tmp_path, "caption-bom")) == (
        1,
        [
            "error caption-bom: 10_sylvie/mark-01.txt: begins with a byte-order mark",
            "    why   the mark becomes part of the first tag, your trigger word",
            "    fix   save as UTF-8 without BOM (--fix does it)",
            "3 images in 1 folder: 1 error",
        ],
    )


def test_the_nearest_name_is_said(tmp_path):
    _, lines = lint(write_broken(tmp_path, "toml-unknown-key"))
    assert "datasets[0].subsets[0].num_repeat: is unknown; did you mean `num_repeats`?" in lines[0]


def test_many_alike_are_counted_or_listed(tmp_path):
    clean_folder(tmp_path)
    for number in range(10, 17):
        pair(f"10_sylvie/empty-{number}.png", caption=b"")(tmp_path)
    _, lines = lint(tmp_path)
    assert sum("0 bytes" in line for line in lines) == 3 and "    and 4 more: --all lists them" in lines
    _, lines = lint(tmp_path, "--all")
    assert sum("0 bytes" in line for line in lines) == 7


def test_fix_says_how_many_it_fixed_and_what_is_left(tmp_path):
    write_broken(tmp_path, "caption-empty")
    assert lint(tmp_path, "--fix") == (0, ["1 fixed; 3 images in 1 folder: nothing wrong"])
    pair("10_sylvie/lines-01.png", caption=b"a\nb\n")(tmp_path)
    assert lint(tmp_path, "--fix")[0] == 1


def test_fix_says_what_it_could_not_fix(tmp_path):
    write_broken(tmp_path, "image-alpha")
    (tmp_path / "10_sylvie" / "clear-01.png.orig").write_bytes(b"")
    code, lines = lint(tmp_path, "--fix")
    assert code == 1
    assert any(line.startswith("not fixed: 10_sylvie/clear-01.png: clear-01.png.orig is in the way") for line in lines)


def test_hostile_names_are_escaped(tmp_path):
    hostile_names(clean_folder(tmp_path))
    code, lines = lint(tmp_path, "--all")
    assert code == 1 and all(line.isprintable() for line in lines)
    assert any(r"10_sylvie/\xff\xfe.png" in line for line in lines)
    assert any(r'-"quoted"\n\x1b[31m.png' in line for line in lines)


def prep(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "prep", *map(str, arguments)], capture_output=True, text=True)


def test_the_command_line_exits_with_0_1_and_2(tmp_path):
    clean_folder(tmp_path / "clean")
    edited("num_repeats = 10", "num_repeats = 0")(clean_config(tmp_path / "broken"))
    assert prep("lint", tmp_path / "clean").returncode == 0
    assert prep("lint", tmp_path / "broken").returncode == 1
    missing = prep("lint", tmp_path / "missing")
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1 and "does not exist" in missing.stderr


def test_the_page_lists_exactly_the_rules():
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert rows == [
        [f"`{rule.id}`", rule.level, rule.what, rule.why, rule.advice, "yes" if rule.fixable else "no"]
        for rule in RULES
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="its names and messages are Linux's")
def test_the_transcript_on_the_page_is_what_is_said(tmp_path):
    assert f"```console\n{transcript(tmp_path)}```\n" in PAGE.read_text("utf-8")
