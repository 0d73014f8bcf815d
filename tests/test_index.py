"""Values are found in columns as a dictionary finds them, whatever their hashes are."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep import index
from prep.index import Hashes, Index


@settings(deadline=None)
@given(st.lists(st.text(max_size=4)), st.lists(st.text(max_size=4)))
def test_an_index_finds_what_a_dictionary_finds(column, asked):
    known = {value: at for at, value in enumerate(column)}  # of equal ones the last
    found = Index(pa.array(column, pa.string()))
    assert [found.find(value) for value in (*asked, *column)] == [known.get(value) for value in (*asked, *column)]
    assert found.find_all([*asked, *column]).tolist() == [known.get(value, -1) for value in (*asked, *column)]


@pytest.mark.parametrize("some", [["a", "b", "c", "a"], []])
def test_values_with_the_same_hash_are_told_apart(some, monkeypatch):
    monkeypatch.setattr(index, "hash", lambda value: 7, raising=False)
    found = Index(pa.array(some, pa.string()))
    for value in ("a", "b", "c", "d"):
        expected = max((at for at, each in enumerate(some) if each == value), default=None)
        assert found.find(value) == expected
        assert found.find_all([value, "e"]).tolist() == [-1 if expected is None else expected, -1]


def test_a_part_of_a_column_and_bytes_are_looked_into():
    column = pa.array([b"\xff.png", b"a", b"b", b"\xff.png"], pa.binary())
    assert Index(column).find(b"\xff.png") == 3
    assert Index(column.slice(1, 2)).find(b"b") == 1
    assert Index(column.slice(1, 2)).find(b"\xff.png") is None


@settings(deadline=None)
@given(st.lists(st.integers() | st.text() | st.tuples(st.text(), st.text())))
def test_hashes_hold_what_was_added(values):
    found = Hashes(values[::2])
    for value in values[1::2]:
        assert value in found or value not in {*values[::2]}
        found.add(value)
    assert all(value in found for value in values)
    assert len(found) == len(set(map(hash, values)))
    assert ("not", "there") not in found or ("not", "there") in values
    found.clear()
    assert not len(found)
