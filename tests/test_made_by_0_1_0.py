"""A set that 0.1.0 made opens: the same files train, and nothing is read or drawn anew."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from prep.cli import main
from prep.config import configs_folder
from tests.support.runs import manifest

HERE = Path(__file__).parent / "made_by_0_1_0"
EXPECTED = json.loads((HERE / "expected.json").read_text())


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A copy of (SRC, OUT) on this machine."""
    shutil.copytree(HERE / "src", tmp_path / "src")
    shutil.copytree(HERE / "out", tmp_path / "out")
    config = tmp_path / "out" / ".prep" / "config.json"
    text = config.read_text().replace('"/art', f'"{tmp_path}/src').replace('"/configs', f'"{configs_folder()}')
    config.write_text(text)
    if (HERE / "models").is_dir():
        monkeypatch.setenv("PREP_MODELS", str(HERE / "models"))
    return tmp_path / "src", tmp_path / "out"


@pytest.fixture
def prep(monkeypatch, capsys):
    """`prep ...` in this process, on a processor like the one that drew the set -> what it said."""
    # The arithmetic is part of a picture's key, and 0.1.0 drew these where bfloat16 is quick.
    monkeypatch.setattr("prep.generators.sd35.generator.best_dtype", lambda device: torch.bfloat16)

    def prep(*arguments) -> str:
        monkeypatch.setattr(sys, "argv", ["prep", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert left.value.code == 0, said.err
        return said.out

    return prep


def trained(out: Path) -> dict[str, str]:
    """kohya/: each caption, and the hash of each picture."""
    return {
        str(path.relative_to(out / "kohya")): path.read_text()
        if path.suffix == ".txt"
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((out / "kohya").glob("*/*"))
    }


def done(out: Path, stage: str) -> set[tuple[str, str]]:
    """What the ledger marks as done: (subject, recipe)."""
    tables = [pq.read_table(part) for part in (out / ".prep" / "ledger" / stage).glob("*.parquet")]
    return {(row["subject"], row["recipe"]) for table in tables for row in table.to_pylist()}


def drawn(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (out / "generated").glob("*/*/*.png")}


def test_a_set_of_0_1_0_trains_the_same_and_nothing_is_read_or_drawn_anew(old, prep):
    src, out = old
    before = {stage: done(out, stage) for stage in ("tag", "draw")}, drawn(out)
    said = prep("run", src, "--out", out)
    assert trained(out) == EXPECTED["kohya"]
    assert [{name: row[name] for name in EXPECTED["rows"][0]} for row in manifest(out)] == EXPECTED["rows"]
    assert ({stage: done(out, stage) for stage in ("tag", "draw")}, drawn(out)) == before
    assert "all 8 images were tagged before" in said and "all 18 pictures were drawn before" in said


def test_status_and_a_plan_of_it_work_before_any_run(old, prep):
    src, out = old
    said = prep("status", out)
    assert "8 images" in said and "a run now would stop" not in said
    assert "0 to draw" in prep("run", src, "--out", out, "--plan")


def test_what_0_1_0_drew_stays_when_nothing_draws_today(old, prep):
    src, out = old
    text = (src / "prep.toml").read_text()
    (src / "prep.toml").write_text(text.replace('model = "starter"', 'model = "none"').replace(
        '[tagger]\nmodel = "none"', '[tagger]\nmodel = "starter"'))  # fmt: skip
    said = prep("run", src, "--out", out)
    assert trained(out) == EXPECTED["kohya"]
    assert "18 pictures that were drawn before stay as they are" in said
    assert [{name: row[name] for name in EXPECTED["rows"][0]} for row in manifest(out)] == EXPECTED["rows"]


@pytest.mark.slow
def test_its_pictures_train_the_same_when_they_are_sorted_into_sub_folders(old, prep):
    src, out = old
    (src / "eileen" / "2023").mkdir()
    for path in (src / "eileen").glob("eileen_meadow_1.*"):
        path.rename(src / "eileen" / "2023" / path.name)
    before = drawn(out)
    prep("run", src, "--out", out)
    assert trained(out) == EXPECTED["kohya"] and drawn(out) == before
    assert {row["variant"] for row in manifest(out) if row["source"]} == {None, "2023"}
