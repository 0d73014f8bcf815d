"""Parts of the ledger that a disk damaged: what a person decided still stands, and what can be read back is."""

import hashlib
import os
import random
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from prep.config import load_settings
from prep.dataset.opened import Set
from prep.errors import StoppedError
from prep.ledger import Ledger
from prep.models.choose_models import tagger_of
from prep.pipeline.outlook import plan_lines
from prep.pipeline.status import status_of
from tests.fakes import FakeTagger
from tests.support.counting import generator, sets  # noqa: F401 - fixtures
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, older, run_here, sidecar, tree

SMALL = "scan.min_side_px=0"
HIGH = (SMALL, "generator.model=none", "thresholds.mode=fixed", "thresholds.fixed=0.7")
LOW = (*HIGH[:3], "thresholds.fixed=0.3")

DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "random": lambda data: random.Random(1).randbytes(len(data)),
}
KEPT = ("caption", "export", "edit", "repeats", "names", "layout", "picture", "model", "sheet", "dataset_toml")


NEW = {"kohya/train_sd3_lora.new.toml", "kohya/dataset.new.toml"}  # what stands may be a person's


class Worked:
    """A set with a person's work in it: captions edited, a picture removed, one retouched, a folder renamed."""

    def __init__(self, root: Path, tagger: Path) -> None:
        self.root, self.tagger = root, tagger
        self.art, self.out = root / "art", root / "out"

    def run(self, *settings: str):
        return run_here(self.art, self.out, self.tagger, *settings)

    def make(self) -> None:
        for place in ("mira/0", "mira/1", "mira/2", "mira/3", "Mira/4", "noa/5"):
            save(drawing(ord(place[-1]), 64, 80), self.art / f"{place}.png")
        (self.art / "mira" / "3.txt").write_text("mira, solo, as it came")
        older(self.art)
        self.run(*HIGH)
        for number in (0, 2, 3):
            text = sidecar(self.out, f"mira/{number}.png")
            words = text.read_text().split(", ")
            self.gone = self.gone if number else words[-1]
            text.write_text(", ".join([*words[:-1], f"by hand {number}"]))
        retouched = sidecar(self.out, "mira/2.png").with_suffix(".png")
        ImageOps.invert(Image.open(retouched)).save(retouched)
        removed = sidecar(self.out, "mira/1.png").with_suffix(".png")
        removed.unlink()
        removed.parent.rename(removed.parent.with_name("7_" + removed.parent.name.partition("_")[2]))
        self.run(*HIGH)
        later = time.time() + 60  # all that is decided was decided before it was written
        os.utime(self.out / "manifest.parquet", (later, later))
        self.before = self.set()

    def copied(self, root: Path) -> "Worked":
        copy = Worked(root, self.tagger)
        copy.before, copy.gone = self.before, self.gone
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return copy

    def set(self) -> dict[str, str]:
        """Every file of the set -> its sha256."""
        return {name: digest for name, digest in tree(self.out).items() if not name.startswith(("set_aside", "prob"))}

    def damage(self, shelf: str, damage) -> int:
        parts = Ledger(self.out / ".prep" / "ledger").folder.glob(f"{shelf}/*.parquet")
        return sum(bool(part.write_bytes(damage(part.read_bytes())) + 1) for part in parts)

    def aside(self, shelf: str) -> list[Path]:
        return sorted((self.out / "set_aside" / ".prep" / "ledger" / shelf).glob("*"))

    def ledger(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in (self.out / ".prep" / "ledger").rglob("*.parquet")}


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def worked(once, tmp_path, tmp_path_factory, tiny_tagger, reads_with):
    """A copy of the set; `later` is what other settings make of it where nothing was damaged, `back` its own then."""
    reads_with(lambda options: FakeTagger())
    if not once:
        once["set"] = Worked(tmp_path_factory.mktemp("worked"), tiny_tagger)
        once["set"].make()
        twin = once["set"].copied(tmp_path_factory.mktemp("twin"))
        twin.run(*LOW)
        once["later"] = twin.set()
        twin.run(*HIGH)
        once["back"] = twin.set()
    copy = once["set"].copied(tmp_path / "copy")
    copy.later, copy.back = once["later"], once["back"]
    return copy


def kohya(files: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if name.startswith("kohya/")}


@pytest.mark.parametrize("shelf", KEPT)
def test_a_shelf_that_is_lost_loses_nothing_that_a_person_made(worked, shelf, capsys):
    damage = list(DAMAGES)[KEPT.index(shelf) % 3]
    lost = worked.damage(shelf, DAMAGES[damage])
    assert lost
    worked.run(*HIGH)
    said = capsys.readouterr().out
    assert len(worked.aside(shelf)) == lost and said.count(f"set_aside/.prep/ledger/{shelf}") == 1
    assert (worked.out / "problems.txt").read_text().count(f"set_aside/.prep/ledger/{shelf}/") == lost
    assert kohya(worked.set()) == kohya(worked.before)
    if shelf == "caption":  # what was read back is in the ledger again
        shutil.rmtree(worked.out / "set_aside")
        worked.run(*LOW)
        assert kohya(worked.set()) == kohya(worked.later)


@pytest.mark.parametrize("shelf", ["", "caption", "export", "edit"])
def test_a_shelf_that_was_deleted_is_read_back_as_well(worked, shelf, capsys):
    shutil.rmtree(worked.out / ".prep" / "ledger" / shelf)
    worked.run(*HIGH)
    said = capsys.readouterr().out
    if shelf != "edit":  # the exclusion is in kohya/ as well
        assert said.count(".prep/ledger lost") == 1 and "manifest.parquet and your files still say: read back" in said
    assert kohya(worked.set()) == kohya(worked.before)
    worked.run(*LOW)
    assert ".prep/ledger lost" not in capsys.readouterr().out
    assert kohya(worked.set()) == kohya(worked.later)


@pytest.mark.parametrize("what", ["all of it", "its last part"])
def test_a_verdict_is_read_back_when_the_history_was_deleted(painted, typed, capsys, what):
    assert typed("tags", painted.out, "--add", "rain").code == 0
    chosen = painted.drawn()[0]
    assert typed("reject", painted.out, chosen["file"]).code == 0
    painted.run()
    history = painted.out / ".prep" / "ledger" / "edit"
    for part in sorted(history.glob("*"))[0 if what == "all of it" else -1 :]:
        part.unlink()
    capsys.readouterr()
    painted.run()
    assert ".prep/ledger lost `edit`" in capsys.readouterr().out
    assert {row["image_id"]: row["reason"] for row in painted.drawn("rejected")}[chosen["image_id"]] == "by_hand"


def test_until_a_run_has_read_a_deleted_ledger_back_nothing_is_decided(worked, typed):
    shutil.rmtree(worked.out / ".prep" / "ledger")
    before = worked.set()
    for name, *more in (("restore", "mira/1.png"), ("tags",), ("tags", "--add", "rain"), ("undo",)):
        said = typed(name, worked.out, *more)
        assert said.code == 3 and "no longer has any `caption` and `export`. `prep run` reads your work" in said.err
    lines = list(status_of(worked.out))
    assert "only after it has read all images again" in lines[-1] and "would stop" not in lines[-1]
    assert worked.set() == before


def test_a_drawn_picture_that_was_edited_is_named_when_nothing_knows_any_longer_what_it_is(painted):
    row = painted.drawn()[0]
    path = next(path for path in (painted.out / "generated").rglob("*.png")
                if hashlib.sha256(path.read_bytes()).hexdigest() == row["image_id"])  # fmt: skip
    ImageOps.invert(Image.open(path).convert("RGB")).save(path)
    painted.run("generator.model=none")
    assert any(path.stem in (row["file"] or "") or row["status"] == "kept" for row in painted.drawn())
    shutil.rmtree(painted.out / ".prep" / "ledger" / "judged")
    edited = path.read_bytes()
    painted.run("generator.model=none")
    name = path.relative_to(painted.out).as_posix()
    assert (
        f"{name}: forgotten: is no longer in the set: you edited it" in painted.problems()
        and path.read_bytes() == edited
    )


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("shelf", KEPT)
def test_every_damage_to_every_shelf_and_other_settings_after_it(worked, shelf, damage):
    lost = worked.damage(shelf, DAMAGES[damage])
    worked.run(*HIGH)
    assert kohya(worked.set()) == kohya(worked.before) and len(worked.aside(shelf)) == lost
    shutil.rmtree(worked.out / "set_aside")  # as problems.txt says
    worked.run(*LOW)
    assert kohya(worked.set()) == kohya(worked.later)


@pytest.mark.parametrize(("shelf", "damage"), [("caption", "half"), ("export", "random"), ("edit", "empty")])
def test_settings_that_change_in_the_same_run_bring_nothing_back(worked, shelf, damage):
    worked.damage(shelf, DAMAGES[damage])
    worked.run(*LOW)
    assert kohya(worked.set()) == kohya(worked.later)


@pytest.mark.parametrize("shelf", ["caption", "export"])
def test_what_a_person_did_since_is_read_from_the_files(worked, shelf):
    worked.damage(shelf, DAMAGES["empty"])
    text, gone = sidecar(worked.out, "noa/5.png"), sidecar(worked.out, "Mira/4.png").with_suffix(".png")
    typed = ", ".join([*text.read_text().split(", ")[:-1], "just now"])
    text.write_text(typed)
    gone.unlink()
    for settings in (LOW, HIGH):
        worked.run(*settings)
        assert not gone.exists()
    assert "just now" in text.read_text().split(", ")


@pytest.mark.parametrize("what", ["gone", "there"])
def test_all_of_them_lost_at_once_and_the_manifest(worked, what):
    for shelf in KEPT:
        worked.damage(shelf, DAMAGES["random"])
    if what == "gone":
        (worked.out / "manifest.parquet").unlink()
    worked.run(*HIGH)
    there, before = kohya(worked.set()), kohya(worked.before)
    # Without history and manifest nothing says that a picture was ever there.
    more = {name for name in there if name not in before} if what == "gone" else set()
    assert {name: there.get(name) for name in before} == before
    assert len([name for name in more if name.startswith("kohya/7_mira/1-")]) == len(more - NEW)
    if what == "gone":
        return
    worked.run(*LOW)
    assert worked.gone not in sidecar(worked.out, "mira/0.png").read_text().split(", ")
    worked.run(*HIGH)
    assert {name: digest for name, digest in kohya(worked.set()).items() if name not in more} == kohya(worked.back)


def test_what_only_reads_moves_nothing_and_says_what_a_run_would_do(worked):
    worked.run(*HIGH)  # the settings that the set was made with are those of SRC
    settings = load_settings(worked.art, None, (f"tagger.model={worked.tagger}", *HIGH))
    plan = list(plan_lines(worked.art, worked.out, settings))
    for shelf in KEPT:
        worked.damage(shelf, DAMAGES["half"])
    before = worked.ledger()
    assert set(plan_lines(worked.art, worked.out, settings)) - {"  1 picture was removed by hand"} == set(plan)
    assert list(status_of(worked.out))
    with pytest.raises(StoppedError, match="`prep run` moves them to set_aside/"):
        list(Set(worked.out).rows())
    assert worked.ledger() == before and not worked.aside("caption")


def test_what_a_run_makes_anew_is_said_to_be_deleted(worked):
    worked.damage("tag", DAMAGES["half"])
    with pytest.raises(StoppedError, match="Delete that file; its content is then redone"):
        worked.run(*HIGH)
    assert not worked.aside("tag")


@pytest.mark.parametrize("shelf", ["scan", "vocabulary"])
def test_and_is_done_again_when_it_was_deleted(worked, shelf):
    for part in (worked.out / ".prep" / "ledger" / shelf).glob("*"):
        part.unlink()
    worked.run(*HIGH)
    assert worked.set() == worked.before


def test_drawn_pictures_stay_although_what_the_check_said_is_lost(tmp_path, tiny_tagger, generator, sets):  # noqa: F811
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    before = {row["file"]: (row["status"], row["reason"], row["check_missing"]) for row in manifest(out)}
    for part in (out / ".prep" / "ledger" / "judged").glob("*"):
        part.write_bytes(b"")
    run_here(art, out, tiny_tagger, *sets, "generator.model=none")
    assert {row["file"]: (row["status"], row["reason"], row["check_missing"]) for row in manifest(out)} == before


def test_the_tagger_that_read_a_set_reads_it_again_although_its_row_is_lost(tmp_path, tiny_tagger):
    ledger = Ledger.begin(tmp_path / "ledger")
    with pytest.raises(StoppedError, match="mine tagged this set before.*tagger.model=/path/to/weights"):
        tagger_of(ledger, load_settings(), before=lambda: "mine")
    assert tagger_of(ledger, load_settings(), before=lambda: "starter-tagger").name == "starter-tagger"


def test_an_exclusion_since_the_last_run_survives_the_loss_of_the_history(worked):
    key = next(f"{row['character']}/{row['image_id']}" for row in manifest(worked.out) if row["source"] == "noa/5.png")
    edits = Set(worked.out).edits(Ledger.begin(worked.out / ".prep" / "ledger"), "command")
    edits.exclude([key])
    for part in (worked.out / ".prep" / "ledger" / "edit").glob("*.parquet"):
        part.write_bytes(b"junk")
    worked.run(*HIGH)
    assert {row["source"]: row["status"] for row in manifest(worked.out)}["noa/5.png"] == "excluded"
