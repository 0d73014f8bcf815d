"""What a page asks for, as plain data: it is carried out at once, or kept until the OUT is free.

An action has a `do`, and what that needs; see carry_out. Whoever asks has chosen the pictures.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from prep.edits.edits import Edits
from prep.edits.history import Step
from prep.edits.retags import Retag, adding, check_tag, moving, removing, renaming
from prep.errors import UsageError

Action = dict[str, Any]  # what JSON can have
VERDICTS = ("accept", "reject", "exclude", "restore")
TAGS = ("add", "remove", "rename", "move")


class Done(NamedTuple):
    pictures: set[str]  # image keys of what changed
    steps: tuple[Step, ...] = ()  # that were undone or redone
    settings: bool = False  # whether OUT/settings.toml changed


def carry_out(edits: Edits, action: Action) -> Done:
    """Raises UsageError for what cannot be done.

    {"do": "caption", "picture", "text", "base"}: base is the caption that the writer saw.
    {"do": "accept" | "reject" | "exclude" | "restore", "pictures"}
    {"do": "add" | "remove" | "rename" | "move", "pictures", ...}: see retag_of
    {"do": "set", "values"}: [[key, value], ...]
    {"do": "undo" | "redo"}
    """
    do = action["do"]
    if do == "caption":
        before = edits.text(action["picture"])
        after = edits.caption(action["picture"], action["text"], action.get("base"))
        return Done({action["picture"]} if after != before else set())
    if do in VERDICTS:
        return Done(getattr(edits, do)(action["pictures"]))
    if do in TAGS:
        return Done(edits.retag(action["pictures"], retag_of(action)))
    if do == "set":
        return Done(set(), settings=edits.set_values({tuple(key): value for key, value in action["values"]}))
    if do in ("undo", "redo"):
        steps = tuple(getattr(edits, do)())
        return Done(
            {*_pictures(steps)}, steps, any(change.what == "setting" for step in steps for change in step.changes)
        )
    raise UsageError(f"{do!r} is nothing that can be done", hint="load the page again")


def retag_of(action: Action) -> Retag:
    """`tag` for add, remove and move; `to` for move: a place behind the trigger words, None: the end; `map` for rename.

    Raises UsageError for what is not a tag.
    """
    if action["do"] == "rename":
        return renaming({check_tag(old): check_tag(new) for old, new in action["map"].items()})
    tag = check_tag(action["tag"])
    if action["do"] == "move":
        return moving(tag, action["to"])
    return adding(tag) if action["do"] == "add" else removing(tag)


def _pictures(steps: Iterable[Step]) -> Iterable[str]:
    return (change.picture for step in steps for change in step.changes if change.what != "setting")
