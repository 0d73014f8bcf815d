"""The row is the marker: parts appear whole, the last row wins, and a merge loses nothing."""

import random

import pyarrow as pa
import pytest

from prep import ledger as module
from prep.errors import StoppedError
from prep.ledger import MERGE_PARTS, DryLedger, Ledger, Shelf

WORK = Shelf("work", (pa.field("value", pa.int64()),), made_again=True)
MINE = Shelf("mine", WORK.columns)


def row(subject: str, value: int, recipe: str = "r") -> dict:
    return {"subject": subject, "recipe": recipe, "value": value}


def values(ledger: Ledger, recipe: str | None = None) -> dict[str, int]:
    return {subject: found["value"] for subject, found in ledger.rows(WORK, recipe).items()}


def test_what_is_written_is_read_back_by_a_later_run(tmp_path):
    Ledger.begin(tmp_path).write(WORK, [row("a", 1), row("b", 2)])
    assert values(Ledger.begin(tmp_path)) == {"a": 1, "b": 2}


def test_runs_are_numbered_and_name_their_parts(tmp_path):
    for _ in range(2):
        Ledger.begin(tmp_path).write(WORK, [row("a", 1)])
    names = [part.name for part in Ledger(tmp_path).parts(WORK)]
    assert names == ["000001-main-000001.parquet", "000002-main-000001.parquet"]


def test_the_last_row_of_a_subject_wins_and_recipes_do_not_meet(tmp_path):
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1), row("a", 2)])
    ledger.write(WORK, [row("a", 3, "other")])
    Ledger.begin(tmp_path).write(WORK, [row("b", 9)])
    assert values(ledger, "r") == {"a": 2, "b": 9}
    assert values(ledger, "other") == {"a": 3}


def test_a_writer_flushes_at_256_rows_and_at_the_end(tmp_path):
    ledger = Ledger.begin(tmp_path)
    with ledger.writer(WORK) as writer:
        for number in range(300):
            writer.append(row(str(number), number))
        assert len(ledger.table(WORK)) == 256
    assert len(ledger.table(WORK)) == 300


def test_a_writer_flushes_after_ten_seconds(tmp_path, monkeypatch):
    ledger = Ledger.begin(tmp_path)
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    writer = ledger.writer(WORK)
    writer.append(row("a", 1))
    assert len(ledger.table(WORK)) == 0
    now[0] = 10.1
    writer.append(row("b", 2))
    assert len(ledger.table(WORK)) == 2


def test_rows_are_flushed_when_the_work_is_interrupted(tmp_path):
    ledger = Ledger.begin(tmp_path)
    with pytest.raises(KeyboardInterrupt), ledger.writer(WORK) as writer:
        writer.append(row("a", 1))
        raise KeyboardInterrupt
    assert values(ledger) == {"a": 1}


def test_many_parts_are_merged_at_the_next_start_and_nothing_is_lost(tmp_path):
    ledger = Ledger.begin(tmp_path)
    for number in range(module.MERGE_PARTS + 1):
        ledger.write(WORK, [row(str(number % 50), number)])
    before = values(ledger)
    after = Ledger.begin(tmp_path)
    assert len(after.parts(WORK)) == 1 and values(after) == before
    after.write(WORK, [row("0", -1)])
    assert values(after)["0"] == -1


def test_a_merge_cut_off_before_the_old_parts_went_changes_nothing(tmp_path, monkeypatch):
    ledger = Ledger.begin(tmp_path)
    for number in range(module.MERGE_PARTS + 1):
        ledger.write(WORK, [row(str(number % 50), number)])
    before = values(ledger)

    def killed(self, *_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module.Path, "unlink", killed)
        Ledger.begin(tmp_path)
    assert values(Ledger(tmp_path)) == before
    assert values(Ledger.begin(tmp_path)) == before


def test_half_written_files_are_swept_and_never_read(tmp_path):
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1)])
    torn = tmp_path / "work" / ".prep-0123abcd-123-0"
    torn.write_bytes(b"PAR1")
    assert values(ledger) == {"a": 1}
    Ledger.begin(tmp_path)
    assert not torn.exists()


def test_a_broken_part_is_named(tmp_path):
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1)])
    ledger.parts(WORK)[0].write_bytes(b"not parquet")
    with pytest.raises(StoppedError, match=r"work/000001-main-000001\.parquet"):
        ledger.table(WORK)


def test_parts_of_an_older_prep_read_with_empty_columns(tmp_path):
    Ledger.begin(tmp_path).write(WORK, [row("a", 1)])
    wider = Shelf("work", (*WORK.columns, pa.field("note", pa.string())))
    assert Ledger(tmp_path).rows(wider)["a"]["note"] is None


def test_many_rows_are_the_rows_one_by_one(tmp_path):
    ledger = Ledger(tmp_path)
    shelf = Shelf("made", (pa.field("words", pa.list_(pa.string())), pa.field("number", pa.int64())))
    with ledger.writer(shelf) as writer:
        for number in range(2500):
            writer.append({"subject": str(number), "recipe": "", "words": ["a"] * (number % 3), "number": number})
    book = ledger.book(shelf)
    subjects = [str(number * 7 % 3000) for number in range(3000)]
    assert list(book.rows(subjects)) == [book.get(subject) for subject in subjects]


def _random(data: bytes) -> bytes:
    return random.Random(1).randbytes(len(data))


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], _random])
def test_a_broken_part_of_a_persons_is_handed_on_and_the_others_are_read(tmp_path, damage):
    for number in range(3):
        Ledger.begin(tmp_path).write(MINE, [row("abc"[number], number)])
    [_, part, _] = Ledger(tmp_path).parts(MINE)
    part.write_bytes(damage(part.read_bytes()))
    handed = []

    def set_aside(ledger, shelf, damaged):
        handed.extend((shelf, *damaged))
        part.unlink()

    assert DryLedger(tmp_path).rows(MINE).keys() == {"a", "c"} and part.exists()
    with pytest.raises(StoppedError, match=r"mine/000002-main-000001\.parquet.*`prep run` moves it to set_aside/"):
        Ledger.begin(tmp_path).table(MINE)
    assert Ledger.begin(tmp_path, set_aside).rows(MINE).keys() == {"a", "c"} and handed == [MINE, part]


def test_a_broken_part_keeps_long_rows_of_parts_from_being_merged(tmp_path):
    ledger = Ledger.begin(tmp_path)
    for number in range(MERGE_PARTS + 1):
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / f"000001-main-{number:06d}.parquet").write_bytes(b"")
    ledger = Ledger.begin(tmp_path, lambda ledger, shelf, damaged: [part.unlink() for part in damaged])
    assert len(ledger.parts(MINE)) == MERGE_PARTS + 1 and ledger.rows(MINE) == {}
    assert ledger.parts(MINE) == []


def test_a_part_that_another_day_may_be_read_is_not_handed_on(tmp_path, monkeypatch):
    Ledger.begin(tmp_path).write(MINE, [row("a", 1)])

    def no(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("prep.ledger.read_file", no)
    with pytest.raises(StoppedError, match="Check its permissions"):
        Ledger.begin(tmp_path, lambda *_: pytest.fail("was handed on")).table(MINE)
