"""What was a picture when it was found, and is a pipe or an endless file when it is read: a problem, and no wait."""

import os
from pathlib import Path

import pytest

from prep.dataset.place import prepared
from prep.edits.placed import Placed, Placement
from prep.errors import ImageError
from prep.files import read_file
from prep.ledger import Ledger
from prep.scan.find import find_images
from prep.scan.measure import Measured, ScanJob, ref_from_scan
from tests.support.pictures import folder_of


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def hole(path: Path) -> None:
    """A file of a terabyte that takes no room."""
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize(
    ("become", "why"), [(pipe, "is not a regular file"), (hole, "has more than 2,000,000,000 bytes")]
)
def test_a_picture_that_became_something_else_is_a_problem(tmp_path, become, why):
    art = folder_of(tmp_path / "art", mira=1)
    [found] = find_images(art, tmp_path / "out").files
    job = ScanJob(art, Ledger(tmp_path / "ledger"), 10_000_000, 0, 1)
    row, _ = job.measured(found)
    ref = ref_from_scan(found, Measured(*map(row.get, Measured._fields)))
    become(art / found.path)
    row, _ = job.measured(found)
    assert (row["problem"], row["message"]) == ("unreadable", f"cannot be read ({why})")
    with pytest.raises(ImageError, match="can no longer be read") as gone:
        prepared(ref, art / found.path, True, 10_000_000)
    assert why in gone.value.message and gone.value.kind == "gone"


@pytest.mark.parametrize("become", [pipe, hole])
def test_and_in_kohya_it_is_no_picture_any_more(tmp_path, become):
    folder = folder_of(tmp_path / "kohya", **{"1_mira": 1})
    placement = Placement(folder, Ledger(tmp_path / "ledger"))
    placement.update({"mira/0": Placed("000.png", "0", 1, "placed", "mira")})
    placement.read()
    become(folder / "1_mira" / "000.png")
    assert placement.retouched() == [] and set(placement.damaged) == {"mira/0"}


def test_a_file_is_read_to_its_end_and_no_further_than_asked(tmp_path):
    path = tmp_path / "file"
    for size in (0, 1, 1000):
        path.write_bytes(b"x" * size)
        assert len(read_file(path, 1000)) == size
    path.write_bytes(b"x" * 1001)
    with pytest.raises(OSError, match="more than 1,000 bytes"):
        read_file(path, 1000)
