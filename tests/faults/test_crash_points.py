"""Killed at every single write, rename and removal, with what a person did still pending; then run again."""

import shutil
from pathlib import Path

import pytest

from tests.fakes import FakeTagger
from tests.faults.dying import killed
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import EDIT, manifest, run_here, sidecar, tree

SMALL = "scan.min_side_px=16"
LOW, MIDDLE, HIGH = ((SMALL, "thresholds.mode=fixed", f"thresholds.fixed={value}") for value in ("0.3", "0.5", "0.8"))
POINTS = ("before rename", "after rename", "removal", "settled")


@pytest.fixture
def fake(monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())


def art(root: Path) -> Path:
    """Five images of two characters: one to bake, one damaged, one exact copy."""
    folder_of(root, mira=2)
    save(drawing(9, 70, 90).convert("CMYK"), root / "noa" / "cmyk.jpg")
    (root / "noa" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    shutil.copy(root / "mira" / "000.png", root / "mira" / "copy.png")
    return root


def edit(src: Path, out: Path) -> None:
    path = sidecar(out, "mira/000.png")
    path.write_text(path.read_text() + EDIT)


def remove_image(src: Path, out: Path) -> None:
    edit(src, out)
    sidecar(out, "mira/001.png").with_suffix(".png").unlink()


def remove_folder(src: Path, out: Path) -> None:
    shutil.rmtree(sidecar(out, "mira/000.png").parent)


def leave_src(src: Path, out: Path) -> None:
    edit(src, out)
    (src / "mira" / "000.png").unlink()
    (src / "mira" / "copy.png").unlink()


def add_image(src: Path, out: Path) -> None:
    edit(src, out)
    save(drawing(77, 64, 64), src / "noa" / "new.png")


def nothing(src: Path, out: Path) -> None:
    pass


class Trial:
    """One SRC and OUT as they stand before the run that is killed; copied for every kill."""

    def __init__(self, root: Path, tagger: Path, first: tuple | None, pending) -> None:
        self.root, self.tagger, self.copies = root, tagger, 0
        self.src, self.out = art(root / "made" / "art"), root / "made" / "out"
        if first is not None:
            run_here(self.src, self.out, tagger, *first)
            pending(self.src, self.out)

    def copy(self) -> tuple[Path, Path]:
        self.copies += 1
        root = self.root / f"{self.copies}"
        shutil.copytree(self.root / "made", root, symlinks=True)
        return root / "art", root / "out"

    def uninterrupted(self, *sets: str, **options) -> dict[str, str]:
        src, out = self.copy()
        run_here(src, out, self.tagger, *sets, **options)
        return tree(src) | tree(out)

    def survives(self, points: list[str], *sets: str, **options) -> int:
        """Kill a run at each point, run again, and compare -> how many of the points were reached."""
        whole, reached = self.uninterrupted(*sets, **options), 0
        for point in points:
            src, out = self.copy()
            reached += killed(src, out, self.tagger, *sets, point=point, **options)
            run_here(src, out, self.tagger, *sets, **options)
            assert tree(src) | tree(out) == whole, point
            shutil.rmtree(src.parent)
        return reached


SCENES = {
    "a first run": (None, nothing, LOW, {}),
    "an edit and a changed threshold": (HIGH, edit, LOW, {}),
    "a removed image and a changed threshold": (HIGH, remove_image, LOW, {}),
    "a removed folder": (HIGH, remove_folder, HIGH, {}),
    "an image that left SRC": (HIGH, leave_src, HIGH, {}),
    "an added image, rebalanced": (HIGH, add_image, HIGH, {"rebalance": True}),
    "sidecars in SRC": (HIGH, edit, (*LOW, "captions.sidecars=source"), {}),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_run_killed_at_some_point_ends_as_if_it_had_not_been(tmp_path, tiny_tagger, fake, scene):
    first, pending, sets, options = SCENES[scene]
    points = ["after rename:3", "before rename:8", "after rename:9", "before rename:12", "removal:1", "settled:1"]
    assert Trial(tmp_path, tiny_tagger, first, pending).survives(points, *sets, **options) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_a_run_killed_at_any_point_ends_as_if_it_had_not_been(tmp_path, tiny_tagger, fake, scene):
    first, pending, sets, options = SCENES[scene]
    trial = Trial(tmp_path, tiny_tagger, first, pending)
    for point in POINTS:
        number = 1
        while trial.survives([f"{point}:{number}"], *sets, **options):
            number += 1
        assert number > 10 or point in ("removal", "settled")


@pytest.mark.parametrize("mode", ["kohya", "source"])
def test_no_caption_is_taken_for_an_edit_after_two_kills_under_two_settings(tmp_path, tiny_tagger, fake, mode):
    """The file may say what the first, the killed second or the killed third run wanted: none of it is a person's."""
    in_mode = f"captions.sidecars={mode}"
    trial = Trial(tmp_path, tiny_tagger, (*HIGH, in_mode), nothing)
    whole = trial.uninterrupted(*HIGH, in_mode)
    for points in ((5, 3), (4, 5), (8, 3), (5, 8)):  # 3: intents are in the ledger; from 4 on: files are written
        src, out = trial.copy()
        for sets, number in zip((LOW, MIDDLE), points, strict=True):
            killed(src, out, tiny_tagger, *sets, in_mode, point=f"after rename:{number}")
        run_here(src, out, tiny_tagger, *HIGH, in_mode)
        assert {row["caption_source"] for row in manifest(out)} <= {"machine", None}
        assert tree(src) | tree(out) == whole


@pytest.mark.parametrize("number", [8, 10, 12])
def test_an_edit_made_between_a_killed_first_run_and_the_next_is_kept(tmp_path, tiny_tagger, fake, number):
    src, out = Trial(tmp_path, tiny_tagger, None, nothing).copy()
    assert killed(src, out, tiny_tagger, *LOW, point=f"after rename:{number}")
    standing = list((out / "kohya").rglob("*.txt"))
    for path in standing:
        path.write_text(path.read_text() + EDIT)
    run_here(src, out, tiny_tagger, *LOW)
    assert all(path.read_text().endswith(EDIT) for path in standing)
    assert sum(row["caption_source"] == "hand" for row in manifest(out)) == len(standing)
