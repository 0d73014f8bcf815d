"""The one reader of a finished OUT: what lies there, as it was decided since, whether a run came by or not."""

import random

import pytest

from prep.dataset.finished import read_set
from prep.dataset.opened import Set
from prep.dataset.rows import manifest_rows
from prep.errors import UsageError
from prep.formats.views import write_views
from prep.hub.rows import Counts, Source
from prep.ledger import Ledger
from prep.pipeline.status import status_of
from tests.support.person import small
from tests.support.pictures import drawing, save


def test_rows_are_the_manifest_s_with_a_name_for_decisions(made):
    rows = list(Set(made.out).rows())
    assert [row["picture"] for row in rows] == [f"{row['character']}/{row['image_id']}" for row in rows]
    assert len(rows) == 4 and {row["status"] for row in rows} == {"kept"}
    noa = list(Set(made.out).rows(lambda row: row["character"] == "noa", columns=["caption"]))
    assert [row["caption"] for row in noa] == [made.row("noa/000.png")["caption"]] and "tags" not in noa[0]


def test_a_picture_is_found_as_a_person_names_it(made):
    row, key, image = made.row("001"), made.key("001"), made.image("001")
    found = Set(made.out)
    file = row["file"]
    for name in ("mira/001.png", "001", file, str(image), image.name, image.stem, row["image_id"][:8].upper(), key):
        assert found.find([name, name]) == [key], name
    picture = found.picture("001")
    assert picture["path"] == image and picture["source"] == "mira/001.png"


def test_a_path_is_found_from_inside_the_folder(made, monkeypatch):
    monkeypatch.chdir(made.out)
    assert Set(made.out).find([made.row("001")["file"]]) == [made.key("001")]
    monkeypatch.chdir(made.image("001").parent)
    assert Set(made.out).find([made.image("001").name]) == [made.key("001")]


def test_a_name_of_none_or_several_is_a_sentence(made):
    found = Set(made.out)
    with pytest.raises(UsageError, match="000 matches 2 pictures: mira/000.png, noa/000.png. Name one by its path"):
        found.find(["001", "000"])
    for key in ("x", "mira/9.png", "", "../../x", "a\0b", made.image("001").parent.name):
        with pytest.raises(UsageError, match="is not a picture of"):
            found.find([key])


def test_the_caption_of_a_picture_is_what_its_file_says_now(made):
    made.add("001", "red scarf")
    assert Set(made.out).picture("001")["caption"].endswith(", red scarf")
    made.text("001").write_bytes(b"\xff\xfe\xfd")
    assert Set(made.out).picture("001")["caption"] == made.row("001")["caption"]


def test_what_is_not_trained_on_is_told_with_its_reason(made):
    small(21, made.art / "mira" / "tiny.png")
    save(drawing(1, 64, 48), made.art / "mira" / "again.bmp")
    made.run("scan.min_side_px=50")
    found = {row["source"]: (row["status"], row["reason"]) for row in Set(made.out).removed()}
    assert found["mira/tiny.png"] == ("rejected", "too_small")
    assert ("duplicate", "copy") in (found["mira/001.png"], found["mira/again.bmp"])


@pytest.mark.parametrize(
    ("verb", "status", "reason"), [("exclude", "excluded", None), ("reject", "rejected", "by_hand")]
)
def test_what_was_decided_since_the_last_run_is_in_no_row_export_or_push(made, verb, status, reason):
    before = [len(list(read_set(made.out).pictures)), _pushed(made.out).images]
    with made.door() as edits:
        getattr(edits, verb)([made.key("001")])
    found = Set(made.out).picture("001")
    status = {"exclude": ("excluded", None), "reject": ("rejected", "by_hand")}[verb]
    assert (found["status"], found["reason"]) == status and found["path"] is None
    assert [row["picture"] for row in Set(made.out).removed()] == [made.key("001")]
    assert [len(list(read_set(made.out).pictures)), _pushed(made.out).images] == [each - 1 for each in before] == [3, 3]
    write_views(made.out, ["imagefolder"], Ledger(made.out / ".prep" / "ledger"), print, lambda what, items, n: items)
    assert not any(made.image("001").stem in path.name for path in (made.out / "export").rglob("*"))
    mira = next(line for line in status_of(made.out) if line.startswith("mira  ")).split()
    assert mira[1] == "2" and "1" in mira
    with made.door() as edits:
        edits.undo()
    assert Set(made.out).picture("001")["status"] == "kept"


def _pushed(out) -> Counts:
    counts = Counts()
    list(Source(out, rejected=False).items(counts))
    return counts


def test_a_drawn_picture_that_was_rejected_since_is_not_pushed(painted):
    row = painted.drawn()[0]
    before = _pushed(painted.out)
    with painted.door() as edits:
        edits.reject([f"{row['character']}/{row['image_id']}"])
    now = _pushed(painted.out)
    assert now.rows["augmentation"] == before.rows["augmentation"] - 1 and now.gone == before.gone


def test_before_the_first_run_has_ended_there_are_no_rows(made, tmp_path):
    (made.out / "manifest.parquet").unlink()
    assert list(Set(made.out).rows()) == [] and list(Set(made.out).removed()) == []
    with pytest.raises(UsageError, match="is not finished"):
        read_set(made.out)
    with pytest.raises(UsageError, match="was not made by prep"):
        Set(made.art)


def test_nothing_is_written_by_reading(made):
    before = {path: path.stat().st_mtime_ns for path in made.out.rglob("*")}
    list(Set(made.out).rows())
    Set(made.out).picture("001")
    assert {path: path.stat().st_mtime_ns for path in made.out.rglob("*")} == before


def test_no_bent_bit_of_the_manifest_is_another_value(made):
    path = made.out / "manifest.parquet"
    data, whole = path.read_bytes(), list(manifest_rows(made.out))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    rng, told = random.Random(5), 0
    for _ in range(300):
        bent = bytearray(data)
        bent[rng.randrange(4, footer)] ^= 1 << rng.randrange(8)
        path.write_bytes(bent)
        try:
            assert list(manifest_rows(made.out)) == whole
        except UsageError as error:
            assert "manifest.parquet cannot be read: " in str(error)
            told += 1
    assert told > 200
