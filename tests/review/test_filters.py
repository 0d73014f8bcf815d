"""The filter language, by its grammar alone, and on a small board."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import UsageError
from prep.review.board import Board
from prep.review.filters import Both, Either, Is, Not, parsed
from prep.review.items import Item


def item(at: int, **more) -> Item:
    fields = dict(
        id=f"{at:012x}", at=at, place=at, picture=f"c/{at}", image_id=str(at), file=f"kohya/1_c/{at}.png",
        source=f"c/{at}.png", character="c", variant="", origin="source", by_prep="kept", why=None, flags=(),
        near_of=None, parent_id=None, manner=None, level="simple", format="png", width=100, height=200, score=None,
    )  # fmt: skip
    return Item(**(fields | more))


@pytest.fixture
def board():
    found = Board()
    texts = ["c, smile, long hair", "c, hat", "c, smile, hat, :o", None, "A girl stands in the rain, smiling."]
    found.items = [item(at) for at in range(5)]
    found.items[2].character, found.items[2].score = "Dr. X", 0.83
    found.items[3].by_prep, found.items[3].why, found.items[3].flags = "rejected", "too_small", ("blurred",)
    found.items[4].origin, found.items[4].touched = "augmentation", True
    for each, text in zip(found.items, texts, strict=True):
        found._say(each, text)
    return found


def found(board: Board, query: str) -> list[int]:
    return [item.at for item in board.where(parsed(query))]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("tag:smile", [0, 2]),
        ("tag:SMILE -tag:hat", [0]),
        ('tag:"long hair" OR tag:hat', [0, 1, 2]),
        ("tag:long_hair", [0]),
        ("tag:*h*", [0, 1, 2]),
        ("tag:l*g*h*r", [0]),
        ("tag:h*hat", []),
        ("is:trained", [0, 1, 2, 4]),
        ("tag:smi", []),
        ("NOT tag:smile", [1, 3, 4]),
        ("tag:smile AND tag:hat", [2]),
        ("tag:hat tag:smile OR status:rejected", [2, 3]),
        ("tag:hat (tag:smile OR status:rejected)", [2]),
        ("-(tag:hat OR tag:smile)", [3, 4]),
        ("NOT NOT tag:smile", [0, 2]),
        ("tag::o", [2]),
        (":o", [2]),
        ('character:"dr. x"', [2]),
        ("score>0.8", [2]),
        ("score:<0.8", []),
        ("score:0.83", [2]),
        ("flag:blurred", [3]),
        ("reason:too_small", [3]),
        ("origin:drawn", [4]),
        ("origin:source tags>=3", [0, 2]),
        ("is:touched", [4]),
        ("is:untouched is:real", [0, 1, 2, 3]),
        ("rain", [4]),
        ('caption:"in the rain"', [4]),
        ("name:3", [3]),
        ("width=100 height>100 tag:hat", [1, 2]),
    ],
)
def test_a_query_finds(board, query, places):
    assert found(board, query) == places


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("(tag:a", "a bracket that nothing closes"),
        ("tag:a)", "a bracket that nothing opens"),
        ("()", "nothing where a condition is wanted"),
        ("tag:a AND", "nothing behind AND"),
        ("AND tag:a", "begins with AND"),
        ("tag:a OR", "nothing where a condition is wanted"),
        ("NOT", "ends behind NOT"),
        ('colour:"red"', "no 'colour'"),
        ("score>much", "compares score with 'much'"),
        ("tag>3", "compares tag, which is text"),
        ("is:lost", "is:lost"),
        ('tag:"a', "cannot be read"),
        ("(" * 60 + "tag:a" + ")" * 60, "more than 50 brackets"),
        ("x" * 5000, "5,000 letters"),
        ("x " * 200, "more than 100 conditions"),
    ],
)
def test_a_query_that_cannot_be_read_says_why(query, says):
    with pytest.raises(UsageError, match="the filter") as error:
        parsed(query)
    assert says in str(error.value)


def test_and_binds_more_than_or():
    assert parsed("tag:a tag:b OR -tag:c") == Either(
        (Both((Is("tag", ":", "a"), Is("tag", ":", "b"))), Not(Is("tag", ":", "c")))
    )


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_condition_or_a_sentence(query):
    try:
        parsed(query)
    except UsageError as error:
        assert error.message.startswith("the filter")  # noqa: PT017


@given(st.sampled_from(["tag:smile", "tag:hat", "is:real", "score>0.5"]), st.sampled_from(["tag:hat", ":o", "c"]))
def test_not_or_and_and_are_what_they_say(one, other):
    board = Board()
    board.items = [item(0), item(1), item(2, origin="augmentation", score=0.9)]
    for each, text in zip(board.items, ["c, smile", "c, hat, :o", "rain, hat"], strict=True):
        board._say(each, text)
    a, b, every = ({*found(board, query)} for query in (one, other, ""))
    assert {*found(board, f"-({one})")} == every - a
    assert {*found(board, f"{one} OR {other}")} == a | b
    assert {*found(board, f"{one} {other}")} == a & b
