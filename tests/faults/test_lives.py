"""Random lives of a set: nothing that a person made is ever gone without a line that says where it lies.

`PREP_LIFE=17` (or `17,18`, or `100-200`) with `-m slow` lives those alone. One that fails prints its seed and steps.
"""

import os
import shutil
from collections.abc import Iterable

import pytest

from prep import files
from prep.dataset import kohya
from tests.faults.life import Life
from tests.support.counting import generator, sets  # noqa: F401 - fixtures

QUICK = (1, 2, 4, 5)
MANY = range(100, 300)


def asked(default: Iterable[int]) -> list[int]:
    """The seeds that PREP_LIFE names."""
    wanted = os.environ.get("PREP_LIFE")
    if not wanted:
        return list(default)
    found: list[int] = []
    for part in wanted.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@pytest.fixture
def live(tmp_path, tiny_tagger, monkeypatch, generator, sets):  # noqa: F811
    """live(seed): one whole life of so many steps; every third has drawn pictures."""
    monkeypatch.setattr(kohya, "CHUNK", 3)  # so that something can happen between two
    monkeypatch.setattr(files, "_sync", lambda path: None)  # no power is cut here
    monkeypatch.setattr(kohya, "WRITERS", 1)  # what is done in the middle of a run is not done to a file being written

    def live(seed: int, least: int = 8, most: int = 15) -> None:
        root = tmp_path / str(seed)
        root.mkdir()
        drawn = seed % 3 == 0
        life = Life(root, seed, tiny_tagger, (*sets, "reconstruct.per_character=0", "consistency.per_character=0",
                                              "augmentation.share=0.34") if drawn else ())  # fmt: skip
        try:
            life.live(life.rng.randint(least, most))
        except BaseException as error:
            lines = "\n".join(life.steps)
            error.add_note(f"seed {seed}, {least} to {most} steps\n{lines}")
            raise
        shutil.rmtree(root)

    return live


@pytest.mark.parametrize("seed", QUICK)
def test_what_a_person_made_outlives_a_short_life(live, seed):
    live(seed, 3, 5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", asked(MANY))
def test_what_a_person_made_outlives_whatever_happens(live, seed):
    live(seed)
