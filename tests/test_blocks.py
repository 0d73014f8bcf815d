"""Packed records are the records that were packed, at any place and in any number."""

from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.blocks import BLOCK, Packed, batched
from prep.captions.remembered import Remembered
from prep.types import GenerationRequest, ImageRef, Made, Problem, Row


class Inner(NamedTuple):
    text: str | None
    numbers: tuple[int, ...]


class Outer(NamedTuple):
    inner: Inner | None
    value: float
    other: "Inner | str | None" = None


inner = st.builds(Inner, st.none() | st.text(), st.lists(st.integers()).map(tuple))
outer = st.builds(Outer, st.none() | inner, st.floats(allow_nan=False), st.none() | st.text() | inner)


@settings(deadline=None)
@given(st.lists(st.none() | outer))
def test_what_was_packed_comes_back(records):
    assert [*Packed(records)] == records


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_a_packed_sequence_is_a_sequence(count):
    records = [Outer(Inner(str(at), (at,)), at / 2) for at in range(count)]
    packed = Packed(iter(records))
    assert len(packed) == count and [*packed] == records == [packed[at] for at in range(count)]
    assert [*packed[5:-3:2]] == records[5:-3:2] and [*packed[:2]] == records[:2]
    assert not count or packed[-1] == records[-1]
    for beyond in (count, -count - 1):
        with pytest.raises(IndexError):
            packed[beyond]


def test_rows_with_all_that_they_may_have_come_back():
    ref = ImageRef("ab" * 32, "mira/\udcff.png", "mira", 64, 48, "png", 9, 0.5, 3.0, "0" * 16, ("alpha",))
    broken = ref._replace(problem=Problem("scan", "damaged", "is damaged"), width=0)
    request = GenerationRequest(
        kind="augmentation", character="mira", asked=("smile",), changes=(), prompt="a", negative="", width=64,
        height=64, steps=4, guidance=4.0, sampler="euler", strength=None, parent=None, index=0, generator="g",
        weights="w", precision="fp8",
    )  # fmt: skip
    rows = [Row(ref), Row(broken, status="unreadable"), Row(ref, made=Made("generator", None, request.key, request))]
    assert [*Packed(rows)] == rows


def test_a_remembered_caption_gets_back_what_it_is_composed_of():
    rows = [
        Row(ImageRef(*["x"] * 3, 1, 1, "png", 1, 0.0, 0.0, "0", ()), caption=Remembered(("a", "b"), b"12345678", 2))
    ]
    rows.append(rows[0]._replace(caption=None))

    def ready(some):
        for caption in filter(None, (row.caption for row in some)):
            caption.compose = partial(tuple, caption.items)

    first, second = Packed(rows, ready)
    assert second.caption is None
    assert (first.caption.items, first.caption.proof, first.caption.triggers) == (("a", "b"), b"12345678", 2)
    assert first.caption.whole == ("a", "b") and first.caption.text == "a, b"


def test_batches_hold_all_in_order():
    assert [*batched(iter(range(7)), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [*batched([])] == []
