"""What a page asks for, as plain data: it is carried out at once, or kept until the OUT is free.

An action has a `do`, and what that needs; see carry_out. Whoever asks has chosen the pictures.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from prep.edits.edits import Edits
from prep.edits.history import Step
from prep.edits.own_settings import Key
from prep.edits.retags import Retag, adding, check_tag, moving, removing, renaming
from prep.errors import UsageError
from prep.names import underscored
from prep.options import LEVELS

Action = dict[str, Any]  # what JSON can have
VERDICTS = ("accept", "reject", "exclude", "restore")
TAGS = ("add", "remove", "rename", "move")
SETTINGS = ("trait", "threshold")
THRESHOLDS = ("thresholds", "tags")


class Done(NamedTuple):
    pictures: set[str]  # image keys of what changed
    steps: tuple[Step, ...] = ()  # that were undone or redone
    settings: bool = False  # whether OUT/settings.toml changed
    left: bool = False  # whether some of it was left alone, since the user has changed it
    taken: bool = False  # it waited, and was taken back


def carry_out(edits: Edits, action: Action) -> Done:
    """Raises UsageError for what cannot be done.

    {"do": "caption", "picture", "text", "base"}: base is the caption that the writer saw.
    {"do": "accept" | "reject" | "exclude" | "restore", "pictures"}
    {"do": "add" | "remove" | "rename" | "move", "pictures", ...}: see retag_of
    {"do": "trait" | "threshold", ...}: see values_of; each is a change of what the file has then
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
    if do in SETTINGS:
        return Done(set(), settings=edits.set_values(values_of(action, edits.setting)))
    if do in ("undo", "redo"):
        steps = tuple(getattr(edits, do)())
        pictures = {picture for step in steps for picture in edits.pictures_of(step)}
        settings = any(change.what == "setting" for step in steps for change in step.changes)
        return Done(pictures, steps, settings, bool(edits.left))
    raise UsageError(f"{do!r} is nothing that can be done", hint="load the page again")


def values_of(action: Action, setting: Callable[[Key], Any]) -> dict[tuple[str, ...], Any]:
    """What OUT/settings.toml has to say. setting: what it says now.

    {"do": "trait", "section", "tag", "list": "keep" | "drop" | None, "under": {"keep": [...], "drop": [...]}}: the tag
    is in this list of [characters.SECTION] and not in the other; under: what SRC's own file says, which OUT's replaces.
    {"do": "threshold", "tag", "level", "value": float | None}: in [thresholds.tags].
    """
    if action["do"] == "threshold":
        return _threshold(action, setting(THRESHOLDS) or {})
    section, wanted, under = action["section"], underscored(action["tag"]), action["under"]
    values = {}
    for name in ("keep", "drop"):
        key = ("characters", section, name)
        own = setting(key)
        now = under.get(name, []) if own is None else own
        then = [each for each in now if underscored(each) != wanted]
        then += [action["tag"]] if name == action["list"] else []
        values[key] = then if then or under.get(name) else None
    return values


def _threshold(action: Action, table: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    name = next((each for each in table if underscored(each) == underscored(action["tag"])), action["tag"])
    now = table.get(name)
    levels = dict(now) if isinstance(now, dict) else {} if now is None else dict.fromkeys(LEVELS, now)
    levels |= {action["level"]: action["value"]}
    return {(*THRESHOLDS, name): {level: each for level, each in levels.items() if each is not None} or None}


def retag_of(action: Action) -> Retag:
    """`tag` for add, remove and move; add takes several, with commas. `to` for move: a place behind the trigger words;
    None: the end. `map` for rename.

    Raises UsageError for what is not a tag.
    """
    if action["do"] == "rename":
        return renaming({check_tag(old): check_tag(new) for old, new in action["map"].items()})
    if action["do"] == "add":
        return adding(*map(check_tag, filter(str.strip, action["tag"].split(","))))
    tag = check_tag(action["tag"])
    return moving(tag, action["to"]) if action["do"] == "move" else removing(tag)
