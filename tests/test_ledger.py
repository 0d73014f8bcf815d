"""The row is the marker: parts appear whole, the last row wins, and a merge loses nothing."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prep import ledger as module
from prep.errors import StoppedError
from prep.ledger import MERGE_PARTS, DryLedger, Ledger, Shelf
from prep.parts import DamagedError, read_part

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


def test_keys_with_the_same_hash_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr("prep.winners.hash", lambda key: 7, raising=False)
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1), row("b", 2), row("a", 3), row("c", 4)])
    assert values(ledger) == {"a": 3, "b": 2, "c": 4} and len(ledger.table(WORK)) == 3


def test_columns_can_be_read_alone(tmp_path):
    ledger = Ledger.begin(tmp_path)
    both = Shelf("work", (*WORK.columns, pa.field("more", pa.string())))
    ledger.write(WORK, [row("a", 1), row("b", 2)])  # a part that lacks a column
    ledger.write(both, [row("b", 3) | {"more": "x"}])
    found = ledger.table(both, names=["more"])
    assert found.column_names == ["subject", "recipe", "more"]
    assert dict(ledger.values(both, "subject", "more")) == {"a": None, "b": "x"}
    assert dict(ledger.values(both, "subject", "value")) == {"a": 1, "b": 3}


def test_rows_in_the_place_of_all_that_were_there(tmp_path):
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1), row("b", 2)])
    dry = DryLedger(tmp_path)
    dry.replace(WORK, [row("c", 9)])
    assert values(ledger) == {"a": 1, "b": 2}
    ledger.replace(WORK, [row("b", 3)])
    assert values(ledger) == {"b": 3} and len(ledger.parts(WORK)) == 1


def test_rows_without_a_recipe_are_of_none(tmp_path):
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1, None), row("b", 2)])
    assert values(ledger, "r") == {"b": 2}


def test_rows_of_this_run_win_over_those_that_were_there_when_it_began(tmp_path):
    Ledger.begin(tmp_path).write(WORK, [row("a", 1), row("b", 1)])
    ledger = Ledger.begin(tmp_path)
    before = ledger.table(WORK)
    ledger.write(WORK, [row("b", 2), row("c", 2)])
    found = ledger.table(WORK, before=before.slice(1))
    assert dict(zip(*(found[name].to_pylist() for name in ("subject", "value")), strict=True)) == {"b": 2, "c": 2}


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


def test_parts_of_one_run_are_merged_at_its_end_in_their_order(tmp_path):
    ledger = Ledger.begin(tmp_path)
    many = [row(sha256(bytes(number)).hexdigest(), -1) for number in range(2000)]  # larger than all that come after it
    ledger.write(WORK, [*many, *(row(str(number), -1) for number in range(5))])
    for number in range(MERGE_PARTS + 1):
        ledger.write(WORK, [row(str(number % 5), number)])
    before = values(ledger)
    ledger.merge()
    assert len(ledger.parts(WORK)) == 1 and values(ledger) == before
    ledger.write(WORK, [row("0", -2)])
    assert values(ledger) == before | {"0": -2}


def test_a_large_part_is_not_written_anew_with_each_few_small_ones(tmp_path):
    Ledger.begin(tmp_path).write(WORK, [row(sha256(bytes(number)).hexdigest(), -1) for number in range(2000)])
    (large,) = Ledger(tmp_path).parts(WORK)
    for _ in range(3):
        ledger = Ledger.begin(tmp_path)
        for number in range(MERGE_PARTS + 1):
            ledger.write(WORK, [row(str(number % 5), number)])
        before, stat = values(ledger), large.stat()
        ledger.merge()
        assert values(ledger) == before and large.stat() == stat and len(ledger.parts(WORK)) <= MERGE_PARTS


def test_a_merged_part_stays_small_enough_to_be_read(tmp_path, monkeypatch):
    ledger = Ledger.begin(tmp_path)
    for number in range(40):
        ledger.write(WORK, [row(sha256(bytes(number + each)).hexdigest(), number) for each in range(100)])
    before, least = values(ledger), min(part.stat().st_size for part in ledger.parts(WORK))
    monkeypatch.setattr(module, "MERGED_BYTES", 10 * least)
    ledger.merge()
    merged = ledger.parts(WORK)
    assert 4 <= len(merged) <= MERGE_PARTS and values(ledger) == before
    assert max(part.stat().st_size for part in merged) <= 10 * least
    again = Ledger.begin(tmp_path)
    again.write(WORK, [row(sha256(bytes(0)).hexdigest(), -1)])
    for number in range(MERGE_PARTS):
        again.write(WORK, [row(str(number), number)])
    again.merge()
    assert values(again) == before | {sha256(bytes(0)).hexdigest(): -1} | {str(n): n for n in range(MERGE_PARTS)}


def test_a_kill_or_damage_between_merged_parts_changes_nothing(tmp_path, monkeypatch):
    for turn in range(3):
        ledger = Ledger.begin(tmp_path)
        for number in range(6):
            ledger.write(WORK, [row(str(number), 10 * turn + number)])
    before, sizes = values(ledger), [part.stat().st_size for part in ledger.parts(WORK)]
    monkeypatch.setattr(module, "MERGED_BYTES", 6 * max(sizes))
    read, merged = module.read_part, []
    for error in (KeyboardInterrupt, module.DamagedError):
        reads = itertools.count()

        def stopped(part, reads=reads, error=error):
            if next(reads) == 8:  # of the second group
                raise error
            return read(part)

        monkeypatch.setattr(module, "read_part", stopped)
        with contextlib.suppress(KeyboardInterrupt):
            Ledger.begin(tmp_path)
        monkeypatch.setattr(module, "read_part", read)
        assert values(Ledger(tmp_path)) == before
        merged.append(sum(module.MERGED in part.name for part in Ledger(tmp_path).parts(WORK)))
    assert merged == [1, 1]  # that of the kill alone
    assert values(Ledger.begin(tmp_path)) == before


def test_a_writer_overwrites_nothing_that_another_wrote_meanwhile(tmp_path):
    ledger = Ledger.begin(tmp_path)
    one, other = ledger.writer(WORK), ledger.writer(WORK)
    for number, writer in enumerate((one, other, other, one)):
        writer.append(row(str(number), number))
        writer.flush()
    assert values(ledger) == {str(number): number for number in range(4)} and len(ledger.parts(WORK)) == 4


def test_who_reads_while_parts_are_merged_begins_again(tmp_path, monkeypatch):
    ledger = Ledger.begin(tmp_path)
    for number in range(MERGE_PARTS + 1):
        ledger.write(WORK, [row(str(number), number)])
    before, read = values(ledger), module.read_part

    def meanwhile(part, names):
        monkeypatch.setattr(module, "read_part", read)
        ledger.merge()
        return read(part, names)

    monkeypatch.setattr(module, "read_part", meanwhile)
    assert values(DryLedger(tmp_path)) == before


@pytest.fixture
def long_row(tmp_path, monkeypatch) -> Ledger:
    """300 parts of three runs and two workers."""
    monkeypatch.setattr(module, "MERGE_PARTS", 300)
    monkeypatch.setattr("prep.files._sync", lambda path: None)
    for _ in range(3):
        ledger = Ledger.begin(tmp_path)
        for number in range(100):
            worker = ("main", "w7")[number % 2]
            ledger.write(WORK, [row(str(number % 60), 1000 * ledger.run + number), row("last", number)], worker)
        if ledger.run == 1:  # as 0.1.0 wrote them
            for part in ledger.parts(WORK)[::3]:
                pq.write_table(pq.read_table(part).replace_schema_metadata(None), part)
    monkeypatch.setattr(module, "MERGE_PARTS", MERGE_PARTS)
    return ledger


@pytest.mark.parametrize("killed_at", ["after rename:1", "merged part gone:250"])
def test_a_merge_that_is_killed_changes_nothing_and_the_next_run_ends_it(tmp_path, long_row, killed_at):
    before = values(long_row)
    code = "import sys; from pathlib import Path; from prep.ledger import Ledger; Ledger.begin(Path(sys.argv[1]))"
    killed = subprocess.run([sys.executable, "-c", code, tmp_path], env={**os.environ, "PREP_CRASH": killed_at})
    assert killed.returncode == -signal.SIGKILL
    assert values(DryLedger(tmp_path)) == before
    after = Ledger.begin(tmp_path)
    assert values(after) == before and len(after.parts(WORK)) <= MERGE_PARTS
    assert [path.name for path in (tmp_path / "work").iterdir() if path.name.startswith(".")] == []


def test_what_only_reads_merges_nothing(tmp_path, long_row):
    names = [part.name for part in long_row.parts(WORK)]
    assert len(names) == 300 and values(DryLedger(tmp_path)) == values(long_row)
    assert [part.name for part in long_row.parts(WORK)] == names


def test_a_persons_copy_of_a_stage_is_not_merged(tmp_path, long_row):
    shutil.copytree(tmp_path / "work", tmp_path / "work copy")
    Ledger.begin(tmp_path)
    assert len(list((tmp_path / "work copy").iterdir())) == 300 and len(long_row.parts(WORK)) == 1


def test_a_part_is_never_written_over_although_an_earlier_one_went_away(tmp_path):
    ledger = Ledger.begin(tmp_path)
    for number in range(3):
        ledger.write(WORK, [row(str(number), number)])
    ledger.parts(WORK)[0].unlink()
    ledger.write(WORK, [row("3", 3)])
    assert values(ledger) == {"1": 1, "2": 2, "3": 3}


def test_a_flipped_bit_anywhere_in_a_part_is_noticed_and_any_reader_reads_it(tmp_path):
    Ledger.begin(tmp_path).write(WORK, [row(f"a{number}", number) for number in range(20)])
    [part] = Ledger(tmp_path).parts(WORK)
    whole = part.read_bytes()
    assert pq.read_table(part).to_pylist() == [row(f"a{number}", number) for number in range(20)]
    missed = []
    for place in range(0, len(whole), 5):
        part.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 7]) + whole[place + 1 :])
        try:
            found = read_part(part)
            missed += [place] if found.to_pylist() != [row(f"a{number}", number) for number in range(20)] else []
        except DamagedError:
            pass
    assert missed == []
    for length in range(0, len(whole), 50):
        part.write_bytes(whole[:length])
        with pytest.raises(DamagedError):
            read_part(part)


def test_what_is_no_part_in_a_stages_folder_is_left_alone(tmp_path):
    """macOS leaves `._` files on other disks; a person a copy, or a note."""
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1)])
    [part] = ledger.parts(WORK)
    strays = [f"._{part.name}", "000001-main-000001 copy.parquet", "notes.parquet", ".DS_Store", "._x.parquet"]
    for name in strays:
        part.with_name(name).write_bytes(b"\0\5\x16\7")
    after = Ledger.begin(tmp_path)
    assert after.run == 2 and values(after) == {"a": 1}
    assert {path.name for path in part.parent.iterdir()} == {part.name, *strays}


@pytest.mark.parametrize("by", ["this prep", "0.1.0"])
def test_a_part_of_another_stage_is_set_aside_and_read_as_none_of_this_one(tmp_path, by):
    other = Shelf("other", (pa.field("text", pa.string()),))
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1)])
    ledger.write(other, [{"subject": "a", "recipe": "r", "text": "mine"}])
    [moved] = ledger.parts(other)
    stray = moved.rename(tmp_path / "work" / "000009-main-000001.parquet")
    if by == "0.1.0":
        pq.write_table(pq.read_table(stray).replace_schema_metadata(None), stray)
    assert values(DryLedger(tmp_path)) == {"a": 1} and stray.exists()
    handed = {}
    assert values(Ledger.begin(tmp_path, lambda ledger, shelf, damaged: handed.update(damaged))) == {"a": 1}
    why = "it is a part of other" if by == "this prep" else "it has no column of this stage"
    assert handed == {stray: why}


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"recipe": ["r"], "value": [9]}, "it lacks subject"),
        ({"value": [9]}, "it lacks subject and recipe"),
        ({"subject": ["a"], "value": [9]}, "it lacks recipe"),
        ({"subject": ["b", None], "recipe": ["r", "r"], "value": [9, 9]}, "rows of it have no subject"),
    ],
)
def test_rows_that_say_of_nothing_what_it_is_are_damage(tmp_path, table, why):
    ledger = Ledger.begin(tmp_path)
    ledger.write(WORK, [row("a", 1)])
    bad = tmp_path / "work" / "000009-main-000001.parquet"
    schema = pa.schema([("subject", pa.string()), ("recipe", pa.string()), ("value", pa.int64())])
    found = pa.table(table, pa.schema([schema.field(name) for name in table]))
    pq.write_table(found.replace_schema_metadata({b"prep.stage": b"work"}), bad)
    with pytest.raises(StoppedError, match=why):
        values(ledger)
    for number in range(MERGE_PARTS):  # merged with others, all of them would be lost
        ledger.write(WORK, [row(str(number), number)])
    ledger.merge()
    assert len(ledger.parts(WORK)) == MERGE_PARTS + 2
    mine = Shelf("work", WORK.columns)
    handed = {}
    Ledger(tmp_path, set_aside=lambda ledger, shelf, damaged: handed.update(damaged)).table(mine)
    assert handed == {bad: why}


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
    rows = map(book.get, subjects)
    asked = list(book.values(subjects, "number", "words"))
    assert asked == [row and (row["number"], row["words"]) for row in rows] and None in asked


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

    monkeypatch.setattr("prep.parts.read_file", no)
    with pytest.raises(StoppedError, match="Check its permissions"):
        Ledger.begin(tmp_path, lambda *_: pytest.fail("was handed on")).table(MINE)


def test_a_part_of_an_older_prep_that_had_no_column_of_its_own_is_read(tmp_path):
    Ledger.begin(tmp_path).write(Shelf("work", ()), [{"subject": "a", "recipe": "r"}])
    assert values(Ledger(tmp_path)) == {"a": None}
