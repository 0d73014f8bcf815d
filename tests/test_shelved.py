"""What a shelf has and what changed since are one mapping."""

import gc
import weakref

import pyarrow as pa
import pytest

from prep.ledger import Ledger, Shelf
from prep.shelved import BLOCK, Shelved

SHELF = Shelf("numbers", (pa.field("number", pa.int64()), pa.field("name", pa.string())))


class Number(tuple):
    __slots__ = ()
    number = property(lambda self: self[0])


@pytest.fixture
def shelved(tmp_path):
    """Of three blocks, and two records changed since, of which one is new."""
    ledger = Ledger(tmp_path)
    rows = [{"subject": str(at), "recipe": "", "number": at, "name": f"n{at % 3}"} for at in range(3 * BLOCK)]
    ledger.write(SHELF, rows)
    found = Shelved(ledger.book(SHELF), lambda number, name: Number((number, name)), ("number", "name"))
    found |= {"5": Number((50, "five")), "new": Number((7, "n1"))}
    return found


@pytest.fixture
def plain():
    return {str(at): (at, f"n{at % 3}") for at in range(3 * BLOCK)} | {"5": (50, "five"), "new": (7, "n1")}


def test_it_is_the_mapping_that_a_dictionary_would_be(shelved, plain):
    assert dict(shelved.items()) == plain and [*shelved] == [*plain] and len(shelved) == len(plain)
    assert all(shelved[subject] == record for subject, record in plain.items())
    assert "5" in shelved and "gone" not in shelved and shelved.get("gone") is None
    with pytest.raises(KeyError):
        shelved["gone"]


def test_many_are_looked_up_at_once(shelved, plain):
    asked = ["5", "gone", "new", "100", "5"]
    assert [*shelved.of(asked)] == [plain.get(each) for each in asked]
    assert [*shelved.beside(asked)] == [(each, plain.get(each)) for each in asked]
    assert [*shelved.beside(shelved)] == [*plain.items()]
    assert [*shelved.lacks(asked)] == ["gone"]


def test_records_are_found_by_a_column_as_they_are_now(shelved, plain):
    assert shelved.where("number", 5) == {} and shelved.where("number", 50, 6).keys() == {"5", "50", "6"}
    assert shelved.where("number", 7) == {"7": plain["7"], "new": plain["new"]}


def test_what_nobody_needs_any_more_is_freed_at_once(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.write(SHELF, [{"subject": "5", "recipe": "", "number": 5, "name": "five"}])
    gc.disable()
    try:
        shelved = Shelved(ledger.book(SHELF), lambda *columns: columns, ("number", "name"))
        assert shelved["5"] == (5, "five")
        gone = weakref.ref(shelved)
        del shelved
        assert gone() is None
    finally:
        gc.enable()
