"""A set with crops: pictures in which a red square is the head, and a detector of a few kilobytes that finds it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from prep.taggers import TAGGERS
from tests.fakes import FakeTagger
from tests.support.detector_files import tiny_yolo
from tests.support.person import Art, quick
from tests.support.pictures import save

SIDE = (320, 480)
CROPS = ('crops.kinds=["head", "upper"]', "export.resolution=96")


def portrait(path: Path, number: int, heads: int = 1) -> Path:
    """A person of 320x480: a red head of 60 px, or several, before a ground of its own."""
    image = Image.new("RGB", SIDE, (40 + 7 * number % 60, 120, 90 + 11 * number % 90))
    draw = ImageDraw.Draw(image)
    draw.rectangle((120, 110, 200, 400), fill=(60, 90, 30 + 9 * number), outline="black")
    for at in range(heads):
        left = 130 + 2 * number + 90 * at
        draw.rectangle((left, 50, left + 59, 109), fill=(255, 0, 0))
    return save(image, path)


class Cropped(Art):
    """SRC and OUT of such a set."""

    def run(self, *sets: str, **options):
        return super().run(*(sets or CROPS), **options)

    def crops(self, **wanted) -> list[dict]:
        rows = [row for row in self.rows().values() if row["origin"] == "crop"]
        return [row for row in rows if all(row[key] == value for key, value in wanted.items())]

    def parent(self, row: dict) -> dict:
        return next(each for each in self.rows().values() if each["image_id"] == row["parent_id"])


@pytest.fixture
def tagging(reads_with):
    """What reads: its `scored` counts."""
    fake = FakeTagger()
    reads_with(lambda options: fake)
    return fake


@pytest.fixture(scope="session")
def begun_cropped(tmp_path_factory, tiny_tagger) -> Path:
    """Three pictures of mira and one of noa, after a run with crops."""
    root = tmp_path_factory.mktemp("cropped")
    tiny_yolo(root / "models" / "anime-head")
    for number in range(3):
        portrait(root / "art" / "mira" / f"{number:03d}.png", number)
    portrait(root / "art" / "noa" / "000.png", 7)
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        patch.setenv("PREP_MODELS", str(root / "models"))
        patch.setattr("tests.fakes._make", lambda options: FakeTagger())
        patch.setitem(TAGGERS.members, "file", replace(TAGGERS.members["file"], maker="tests.fakes:fake_tagger"))
        Cropped(root, tiny_tagger).run()
    return root


@pytest.fixture
def cropped(begun_cropped, tmp_path, tiny_tagger, tagging, monkeypatch) -> Cropped:
    """A copy of it."""
    quick(monkeypatch, sheets=False)
    shutil.copytree(begun_cropped, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "models"))
    return Cropped(tmp_path, tiny_tagger)
