"""What `prep status --disagreements` shows: where the two readers of a set differ. From its manifest alone."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prep.dataset.opened import Set
from prep.ledger import DryLedger
from prep.names import printable, quantity
from prep.types import trains

COLUMNS = ("source", "tagger", "second_tagger", "disagreements")
SHOWN_TAGS, SHOWN_PICTURES, SHOWN_OF_A_PICTURE = 20, 50, 6


@dataclass
class Disputed:
    """The pictures that train, and what their readers say of the tags about which they differ."""

    tagger: str = ""
    second: str = ""
    images: int = 0  # that both have read
    pictures: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)  # (path, its disagreements)
    tags: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))  # name -> both scores


def disagreements_of(out: Path) -> Iterator[str]:
    """Yield the lines. Raises UsageError for an OUT that is none, or whose manifest is damaged."""
    found = _read(out)
    if not found.second:
        yield f"{out}: no picture was read by a second reader. `--set tagger.second=NAME` in `prep run` names one"
        return
    yield (
        f"{out}: {found.tagger} and {found.second} differ in {len(found.pictures):,} of "
        f"{quantity(found.images, 'picture')} that both have read"
    )
    if not found.pictures:
        return
    yield ""
    yield f"tags by pictures about which they differ, with the mean scores of {found.tagger}/{found.second}:"
    yield from _tags(found.tags)
    yield ""
    yield "pictures, those with the most disagreements first:"
    width = max(len(path) for path, _ in found.pictures[:SHOWN_PICTURES])
    for path, about in found.pictures[:SHOWN_PICTURES]:
        said = [f"{printable(each['name'])} {_pair(each['first'], each['second'])}" for each in about]
        more = f"  and {len(said) - SHOWN_OF_A_PICTURE:,} more" if said[SHOWN_OF_A_PICTURE:] else ""
        yield f"  {path.ljust(width)}  {'  '.join(said[:SHOWN_OF_A_PICTURE])}{more}"
    if found.pictures[SHOWN_PICTURES:]:
        left = len(found.pictures) - SHOWN_PICTURES
        yield f"  and {left:,} more; `prep review` finds them all with the filter disagrees:*"


def _read(out: Path) -> Disputed:
    found = Disputed()
    for row in Set(out, DryLedger(out / ".prep" / "ledger")).rows(columns=COLUMNS):
        if row["second_tagger"] is None or not trains(row["origin"], row["status"]):
            continue
        found.tagger, found.second = row["tagger"], row["second_tagger"]
        found.images += 1
        if about := row["disagreements"]:
            found.pictures.append((printable(row["source"] or row["file"] or ""), about))
            for each in about:
                found.tags[each["name"]].append((each["first"], each["second"]))
    found.pictures.sort(key=lambda pair: (-len(pair[1]), -_distance(pair[1][0]), pair[0]))
    return found


def _tags(tags: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    ranked = sorted(tags.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    width = max(len(printable(name)) for name, _ in ranked[:SHOWN_TAGS])
    for name, scores in ranked[:SHOWN_TAGS]:
        means = (sum(side) / len(scores) for side in zip(*scores, strict=True))
        yield f"  {printable(name).ljust(width)}  {len(scores):>5,}  {_pair(*means)}"
    if ranked[SHOWN_TAGS:]:
        yield f"  and {quantity(len(ranked) - SHOWN_TAGS, 'more tag')}"


def _pair(first: float, second: float) -> str:
    """`.91/.12`"""
    return "/".join(f"{score:.2f}".removeprefix("0") for score in (first, second))


def _distance(about: dict[str, Any]) -> float:
    return abs(about["first"] - about["second"])
