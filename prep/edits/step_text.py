"""A step of the history in words: for `prep undo`, and for the page of `prep review`."""

from collections.abc import Mapping, Sequence

from prep.edits.history import Change, Step
from prep.edits.merge import items
from prep.edits.own_settings import as_key
from prep.names import printable, quantity

SHOWN_TAGS = 4
SHOWN_PICTURES = 3


def step_text(step: Step, names: Mapping[str, str]) -> str:
    """What was decided. names: of pictures, as the user knows them."""
    captions, verdicts, settings = (
        [change for change in step.changes if change.what == what] for what in ("caption", "verdict", "setting")
    )
    parts = []
    if captions:
        parts.append(f"{quantity(len(captions), 'caption')}{_tags(captions)}{_named(captions, names)}")
    for verdict in dict.fromkeys(change.after for change in verdicts):
        same = [change for change in verdicts if change.after == verdict]
        parts.append(f"{len(same):,} {verdict or 'restored'}{_named(same, names)}")
    parts += [_setting(change) for change in settings]
    return ", ".join(parts)


def _setting(change: Change) -> str:
    value = "not set" if change.after is None else str(change.after)
    return printable(f"{'.'.join(as_key(change.picture))} = {value}")


def _tags(captions: Sequence[Change]) -> str:
    """The tags that were added and removed, if they are the same in all captions."""
    found = set()
    for change in captions:
        before, after = (items(state.text or "") if state else [] for state in (change.before, change.after))
        came = tuple(f"+{item}" for item in after if item not in before)
        found.add((*came, *(f"-{item}" for item in before if item not in after)))
    (same,) = found if len(found) == 1 else ((),)
    return f" ({', '.join(same)})" if 0 < len(same) <= SHOWN_TAGS else ""


def _named(changes: Sequence[Change], names: Mapping[str, str]) -> str:
    """The first of the pictures."""
    pictures = sorted(names.get(change.picture, change.picture) for change in changes)
    found = list(map(printable, pictures[:SHOWN_PICTURES]))
    more = len(pictures) - len(found)
    return f" ({', '.join(found)}{f' and {more:,} more' if more else ''})" if found else ""
