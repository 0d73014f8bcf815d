"""Whether a picture meets one condition of a filter, other than to have a tag: the board has an index of these."""

from collections.abc import Callable
from typing import Any

from prep.edits.merge import key
from prep.review.filters import Is
from prep.review.items import Item
from prep.types import is_drawn, is_real


def meeting(condition: Is) -> Callable[[Item], bool]:
    return _MEETS[condition.field](condition)


def _text(read: Any) -> Any:
    """A condition on one text of an item."""
    return lambda condition: lambda item, matches=condition.matches: matches(read(item) or "")


def _number(read: Any) -> Any:
    compared = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__, "=": float.__eq__}

    def meets(condition: Is) -> Any:
        compare, number = compared[condition.sign], condition.number
        return lambda item: (value := read(item)) is not None and compare(float(value), number)

    return meets


def _caption(condition: Is) -> Any:
    wanted = key(condition.value)
    pieces = wanted.split("*")
    return lambda item: item.captioned and all(piece in item.folded for piece in pieces)


def _origin(condition: Is) -> Any:
    """`drawn`: all that a generator drew."""
    if condition.value.lower() == "drawn":
        return lambda item: is_drawn(item.origin)
    return _text(lambda item: item.origin)(condition)


def _any(read: Any) -> Any:
    """A condition on one of several texts of an item."""
    return lambda condition: lambda item, matches=condition.matches: any(map(matches, read(item)))


def _name(condition: Is) -> Any:
    """Part of the file's name."""
    pieces = key(condition.value).split("*")
    return lambda item: all(piece in key(item.name) for piece in pieces)


_STATES = {
    "touched": lambda item: item.touched,
    "untouched": lambda item: not item.touched,
    "edited": lambda item: item.touched and item.verdict is None,
    "drawn": lambda item: is_drawn(item.origin),
    "real": lambda item: is_real(item.origin),
    "trained": lambda item: item.captioned and item.status == "kept",
    "changing": lambda item: item.then is not None,
}
_MEETS = {
    "character": _text(lambda item: item.character),
    "variant": _text(lambda item: item.variant),
    "origin": _origin,
    "status": _text(lambda item: item.status),
    "verdict": _text(lambda item: item.verdict),
    "reason": _text(lambda item: item.reason),
    "flag": _any(lambda item: item.flags),
    "disagrees": _any(lambda item: item.disagrees or ()),
    "caption": _caption,
    "name": _name,
    "is": lambda condition: _STATES[condition.value],
    "score": _number(lambda item: item.score),
    "tags": _number(lambda item: len(item.keys) if item.captioned else None),
    "width": _number(lambda item: item.width),
    "height": _number(lambda item: item.height),
}
