"""A small set that a person works on, made once and copied for each test: fixtures, and what a person does."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from prep.dataset.opened import Set
from prep.edits.edits import Edits
from prep.generators import GENERATORS
from prep.ledger import Ledger
from prep.taggers import TAGGERS
from tests.fakes import FakeTagger
from tests.support.counting import COUNTING, CountingGenerator
from tests.support.pictures import drawing, save
from tests.support.runs import manifest, run_here

LOW, HIGH = ("thresholds.mode=fixed", "thresholds.fixed=0.3"), ("thresholds.mode=fixed", "thresholds.fixed=0.8")
SIDE, NOTHING = ("scan.min_side_px=40",), ("generator.model=none",)


class Art:
    """SRC and OUT of a set of small pictures, read by a fake tagger."""

    def __init__(self, root: Path, tagger: Path) -> None:
        self.art, self.out, self.tagger = root / "art", root / "out", tagger

    def run(self, *sets: str, **options):
        thresholds = () if any(each.startswith("thresholds.") for each in sets) else HIGH
        return run_here(self.art, self.out, self.tagger, *SIDE, *NOTHING, *thresholds, *sets, **options)

    def rows(self) -> dict[str, dict]:
        return {row["source"] or row["file"]: row for row in manifest(self.out)}

    def row(self, name: str) -> dict:
        return self.rows()[name if "/" in name else f"mira/{name}.png"]

    def image(self, name: str) -> Path:
        return self.out / self.row(name)["file"]

    def text(self, name: str) -> Path:
        return self.image(name).with_suffix(".txt")

    def key(self, name: str) -> str:
        row = self.row(name)
        return f"{row['character']}/{row['image_id']}"

    def add(self, name: str, words: str) -> None:
        """What a person does: some words more in the caption in kohya/."""
        path = self.text(name)
        path.write_text(f"{path.read_text()}, {words}")

    @contextmanager
    def door(self, by: str = "command") -> Iterator[Edits]:
        """The door for decisions, as a command opens it."""
        edits = Set(self.out).edits(Ledger.begin(self.out / ".prep" / "ledger"), by)
        edits.look()
        yield edits

    def problems(self) -> str:
        path = self.out / "problems.txt"
        return path.read_text() if path.exists() else ""


class Painted(Art):
    """With pictures that were drawn."""

    def __init__(self, root: Path, tagger: Path, sets: tuple[str, ...], generator: CountingGenerator) -> None:
        super().__init__(root, tagger)
        self.sets, self.generator = sets, generator

    def run(self, *more: str, **options):
        return super().run(*self.sets, *more, **options)

    def drawn(self, status: str = "kept") -> list[dict]:
        """The rows of what was drawn to be trained on."""
        rows = [row for row in manifest(self.out) if row["origin"] == "augmentation" and row["status"] == status]
        return sorted(rows, key=lambda row: row["character"])


def quick(patch: pytest.MonkeyPatch, sheets: bool = True) -> None:
    """Leave out what costs time and what no test of a person's work looks at: a power cut, other packages, sheets."""
    patch.setattr("prep.files._sync", lambda path: None)
    patch.setattr("prep.registry.entry_points", lambda group: ())
    if not sheets:
        patch.setattr("prep.pipeline.export.Sheets.choose", lambda *_: None)
        patch.setattr("prep.pipeline.export.Sheets.write", lambda *_: None)


def tags(path: Path) -> list[str]:
    return path.read_text().split(", ")


def small(seed: int, path: Path, **options) -> Path:
    """A picture that is quick to read."""
    return save(drawing(seed, 64, 48), path, **options)


@pytest.fixture(scope="session")
def begun(tmp_path_factory, tiny_tagger) -> Path:
    """A folder with a set of three pictures of mira and one of noa, after its first run."""
    root = tmp_path_factory.mktemp("begun")
    for number in range(3):
        small(number, root / "art" / "mira" / f"{number:03d}.png")
    small(9, root / "art" / "noa" / "000.png")
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        patch.setattr("tests.fakes._make", lambda options: FakeTagger())
        patch.setitem(TAGGERS.members, "file", replace(TAGGERS.members["file"], maker="tests.fakes:fake_tagger"))
        Art(root, tiny_tagger).run()
    return root


@pytest.fixture(scope="session")
def begun_drawn(begun, tmp_path_factory, tiny_tagger) -> tuple[Path, tuple[str, ...]]:
    """The same set after a run that drew, and the settings of that run."""
    root = tmp_path_factory.mktemp("drawn")
    shutil.copytree(begun, root, dirs_exist_ok=True)
    (root / "vary.toml").write_text('[a]\noptions = [["smile"], ["outdoors"], ["^_^"], ["white_shirt"]]\n')
    (root / "counting.weights").write_bytes(b"counting 2")
    draws = (f"augmentation.vary={root / 'vary.toml'}", f"generator.model=counting:{root / 'counting.weights'}")
    sets = ("check.bound=0.0", "thresholds.mode=fixed", "thresholds.fixed=0.6", "reconstruct.per_character=1",
            "consistency.per_character=0", "augmentation.tries=3", *draws)  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        patch.setattr("tests.fakes._make", lambda options: FakeTagger())
        patch.setitem(TAGGERS.members, "file", replace(TAGGERS.members["file"], maker="tests.fakes:fake_tagger"))
        patch.setattr("tests.support.counting._made", CountingGenerator())
        patch.setitem(GENERATORS.members, "counting", COUNTING)
        Art(root, tiny_tagger).run(*sets)
    return root, sets


@pytest.fixture
def painted(begun_drawn, tmp_path, tiny_tagger, generator, monkeypatch) -> "Painted":
    """A copy of it."""
    quick(monkeypatch)
    shutil.copytree(begun_drawn[0], tmp_path, dirs_exist_ok=True)
    return Painted(tmp_path, tiny_tagger, begun_drawn[1], generator)


@pytest.fixture
def made(begun, tmp_path, tiny_tagger, reads_with, monkeypatch) -> Art:
    """A copy of it."""
    quick(monkeypatch, sheets=False)
    reads_with(lambda options: FakeTagger())
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return Art(tmp_path, tiny_tagger)
