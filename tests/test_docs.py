"""What the documents say can be done is done here."""

import re
import shlex
import subprocess
import tomllib

import click
import pytest
from click.testing import CliRunner, Result

from prep.cli import COMMANDS, group
from prep.config import configs_folder
from prep.sections import Settings
from tests.support.examples import ROOT, make
from tests.support.pictures import EXAMPLES
from tests.support.runs import manifest

README = (ROOT / "README.md").read_text()
SHOWN = re.compile(r"^    (?:\w+=\S+ |\.venv.Scripts.)?(prep .*?)(?:\s+#.*)?$", re.M)
BOTH = README + (ROOT / "README.zh-CN.md").read_text()


def typed(*arguments: object) -> Result:
    """`prep ...`, in this process."""
    return CliRunner().invoke(group, [*map(str, arguments)], "", prog_name="prep", standalone_mode=False,
                              catch_exceptions=False)  # fmt: skip


def test_the_readmes_first_command_makes_what_it_says(examples):
    assert "    make dataset SRC=examples/characters " in README
    out, said = examples
    rows = manifest(out)
    real, drawn = ([row for row in rows if (row["origin"] == "source") == own] for own in (True, False))
    assert len(real) == 24 and {row["status"] for row in real} == {"kept"}
    assert {row["complexity"] for row in real} == {"simple", "medium", "complex"}
    assert {row["origin"] for row in drawn} == {"reconstruct", "consistency", "augmentation", "scene"}
    accepted = [row for row in drawn if row["origin"] == "augmentation" and row["status"] == "kept"]
    assert len(accepted) >= 12 and {row["character"] for row in accepted} == {"sylvie", "eileen", "lucy"}
    assert sum(row["manner"] == "composite" for row in accepted) >= 3
    for slug in ("sylvie", "eileen", "lucy"):
        assert (out / "generated" / slug / "sheet.png").is_file()
    folders, files = {"8_sylvie", "14_eileen", "20_lucy"}, {"dataset.toml", "train_sd3_lora.toml"}
    folders |= {"4_sylvie-drawn", "7_eileen-drawn", "10_lucy-drawn"}
    assert {path.name for path in (out / "kohya").iterdir()} == folders | files
    assert said.splitlines()[-1] == "done"


@pytest.fixture
def docs(monkeypatch):
    """The folder of the pages, and of the scripts that write them."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return ROOT / "docs"


def test_the_readme_shows_what_its_first_command_prints(examples, docs):
    from make_readme import block, shown

    _, said = examples
    command, out = re.match(r".*?--out \"(.*?)\".*?\n", said, re.S).group(0, 1)  # make says what it runs
    assert shape(block(README)) == shape(shown(said.removeprefix(command), out))


@pytest.mark.slow
def test_hand_edits_md_shows_what_its_commands_print(tmp_path, docs):
    from make_hand_edits import Page, write

    page = Page(tmp_path / "characters")
    write(page)
    assert shape((docs / "HAND_EDITS.md").read_text()) == shape(page.text.rstrip())


def shape(page: str) -> list[str]:
    """Its lines without what differs by machine and hour: numbers, the reasons of a check, how many rounds it took."""
    lines = (re.sub(r"\(.*?\)", "()", line) if "check:" in line else line for line in page.splitlines())
    return list(dict.fromkeys(re.sub(r"\d+", "N", line) for line in lines))


def test_a_missing_src_says_what_to_type():
    done = make("dataset")
    assert done.returncode == 2 and "SRC=examples/characters" in done.stdout + done.stderr


def test_make_help_lists_every_target():
    listed = make("help").stdout
    for target in ("setup", "dataset", "push", "serve", "test", "test-all", "check", "bench", "clean"):
        assert re.search(rf"^{target}\s", listed, re.M)


@pytest.mark.parametrize(("target", "tools"), [("dataset", False), ("setup", False), ("test", True), ("check", True)])
def test_the_test_tools_are_installed_for_tests_alone(target, tools, tmp_path):
    wanted = ["make", "--dry-run", target, f"VENV={tmp_path}", "SRC=examples/characters"]
    said = subprocess.run(wanted, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-e .\n" in said and ("[test]" in said) == tools


def test_make_serve_installs_what_it_needs_once_and_starts_it(tmp_path):
    wanted = ["make", "--no-print-directory", "--dry-run", "serve", f"VENV={tmp_path}", "ARGS=--port 8000"]
    said = subprocess.run(wanted, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-e '.[web]'" in said and said.splitlines()[-1] == f"{tmp_path}/bin/prep serve --port 8000"
    for stamp in (".installed", ".installed-web"):
        (tmp_path / stamp).touch()
    said = subprocess.run(wanted, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == f"{tmp_path}/bin/prep serve --port 8000\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_is_in_the_readme(name):
    done = typed(name, "--help")
    assert done.return_value == 0 and f"prep {name}" in done.stdout.split("Example")[1]
    assert f"`prep {name}" in README


@pytest.mark.parametrize("command", sorted(set(SHOWN.findall(BOTH))))
def test_the_readmes_other_commands_exist(command):
    _, *words = shlex.split(command, posix="\\" not in command)
    assert words[0] in COMMANDS
    inner: click.Command = group
    while isinstance(inner, click.Group) and words:
        inner, words = inner.get_command(click.Context(inner), words[0]), words[1:]
    inner.make_context(inner.name, words)  # raises for an option or argument that it does not have


@pytest.mark.parametrize("setting", sorted(set(re.findall(r"--set ([\w.]+)=", BOTH)) - {"section.key"}))
def test_the_settings_that_the_readme_names_exist(setting):
    parts = ["characters", "x", setting.split(".")[-1]] if setting.startswith("characters") else setting.split(".")
    if parts[0] != "characters":
        section = Settings.model_fields[parts[0]].annotation
        assert parts[1] in {field.alias or name for name, field in section.model_fields.items()}


@pytest.mark.parametrize("path", sorted(configs_folder().glob("*.toml")), ids=lambda path: path.name)
def test_a_plan_with_every_config_that_ships(path, tmp_path):
    done = typed("run", EXAMPLES / "characters", "--out", tmp_path / "out", "--config", path, "--plan")
    assert done.return_value == 0, done.stderr
    assert done.stdout.startswith("scan: 24 pictures of 3 characters")


def test_links_between_documents_lead_somewhere():
    for document in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_pins_satisfy_the_ranges():
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in dependencies["optional-dependencies"].values() for each in extra]
    wanted = [*dependencies["dependencies"], *(each for each in extras if not each.startswith("prep-lora["))]
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "constraints.txt").read_text(), re.M))
    for each in wanted:
        name, least = re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", each).groups()
        assert name in pins, f"{name} has no tested version in constraints.txt"
        assert tuple(map(int, pins[name].split(".")[:2])) >= tuple(map(int, least.split(".")[:2]))


def test_nothing_names_a_registry_or_a_folder_of_this_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = ["pypi" + ".org", "files.python" + "hosted", "npm" + "js", "deb" + ".debian"]
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", "", ".json"}:
            text = path.read_text("utf-8", "replace")
            assert not any(host in text for host in hosts), name
            assert str(ROOT) not in text, name
