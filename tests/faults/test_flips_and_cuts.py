"""Any file of a finished OUT is bent or cut: no traceback, no lost work of a person's, no wrong result in silence.

`PREP_FLIPS=17` (or `100-200`) with `-m slow` tries those numbers alone.
"""

import os
from functools import partial

import pytest
from PIL import Image, ImageOps

from tests.faults.apart import tried
from tests.faults.damage import FORMAT, Finished, damaged, everything, read_again
from tests.support.person import NOTHING, SIDE
from tests.support.pictures import drawing, save

MANY = range(2400)


def numbers() -> range:
    first, _, last = os.environ.get("PREP_FLIPS", "").partition("-")
    return range(int(first), int(last or first) + 1) if first else MANY


@pytest.fixture
def finished(painted, typed) -> Finished:
    """Captions edited, a picture taken out, one retouched, one added, a drawn one rejected; and a view of it."""
    words = {}
    for number, name in enumerate(("000", "002", "noa/000.png")):
        painted.add(name, f"mark {number}")
        words[str(painted.text(name).relative_to(painted.out))] = f"mark {number}"
    painted.image("001").unlink()
    retouched = painted.image("002")
    ImageOps.invert(Image.open(retouched).convert("RGB")).save(retouched)
    stranger = save(drawing(77, 64, 64), painted.image("000").with_name("found.png"))
    chosen = painted.drawn()[0]
    assert typed("reject", painted.out, chosen["file"]).code == 0
    painted.run()
    assert typed("export", painted.out, "--to", FORMAT).code in (0, 1)
    painted.run()
    tree = everything(painted.out)
    mine = tuple(tree[str(path.relative_to(painted.out))] for path in (retouched, stranger))
    settings = (f"tagger.model={painted.tagger}", *SIDE, *NOTHING, *painted.sets)
    return Finished(painted.art, painted.out, settings, words, mine, ("mira/001.png",), (chosen["image_id"],), tree)


def test_a_flip_or_a_cut_anywhere_costs_no_more_than_its_file(finished, tmp_path, typed):
    for command in (("status",), ("lint",), ("export", "--to", FORMAT)):
        assert typed(command[0], finished.out, *command[1:]).code in (0, 1)
    assert everything(finished.out) == finished.tree  # nothing is damaged yet
    for trial, some in ((damaged, range(3)), (read_again, range(180, 230))):
        told = tried(partial(trial, finished, tmp_path), some, tmp_path)
        assert not told.wrong, told.failures("PREP_FLIPS")


@pytest.mark.slow
def test_a_bent_part_of_the_ledger_is_read_as_it_was_or_not_at_all(finished, tmp_path, figure):
    told = tried(partial(read_again, finished, tmp_path), numbers(), tmp_path)
    figure(told)
    assert not told.wrong, told.failures("PREP_FLIPS")


@pytest.mark.slow
def test_2_400_flips_and_cuts(finished, tmp_path, figure):
    told = tried(partial(damaged, finished, tmp_path), numbers(), tmp_path)
    figure(told)
    assert not told.wrong, told.failures("PREP_FLIPS")
