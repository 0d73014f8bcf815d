"""prep tags: the tags of a set's captions, and changing them in bulk."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._decide import deciding
from prep.cli._path import PATH
from prep.cli._say import say
from prep.errors import UsageError
from prep.names import numbered_folder

if TYPE_CHECKING:
    from prep.edits.edits import Edits

SHOWN = 5


@click.command("tags")
@click.argument("out", type=PATH)
@click.option("--character", metavar="NAME", help="Only captions of this character, named like its folder in SRC.")
@click.option("--add", metavar="TAG", help="Add TAG to captions that lack it.")
@click.option("--remove", metavar="TAG", help="Remove TAG; it does not come back.")
@click.option("--rename", nargs=2, metavar="TAG NEW", help="Replace TAG by NEW, in its place.")
@click.option("--plan", is_flag=True, help="Only show what would change.")
def command(out: Path, character: str | None, add: str | None, remove: str | None, rename: tuple[str, str] | None,
            plan: bool) -> int:  # fmt: skip
    """List the tags in kohya/ with their counts; or add, remove or rename one in all captions.

    Sentences are left alone. Tags that a later run finds are merged, as after any edit by hand.

    \b
    Examples:
      prep tags outputs/characters
      prep tags outputs/characters --character sylvie --rename hat "witch hat" --plan
    """
    from prep.dataset.opened import is_no_copy
    from prep.edits.merge import key
    from prep.edits.retags import adding, check_tag, removing, renaming

    asked = [name for name, value in (("add", add), ("remove", remove), ("rename", rename)) if value is not None]
    if len(asked) > 1:
        raise UsageError(
            f"--{asked[0]} and --{asked[1]} together", hint="make one change at a time; each can be undone"
        )
    for tag in (add, remove, *(rename or ())):
        if tag is not None:
            check_tag(tag)
    with deciding(out, dry=plan or not asked) as (of_set, edits):
        pictures = _pictures(edits, character)
        if not asked:
            _list(edits, pictures)
            return 0
        change = adding(add) if add else removing(remove) if remove else renaming({rename[0]: rename[1]})
        triggers = {key(edits.trigger(picture) or "") for picture in pictures}
        if (tag := remove or rename and rename[0]) and key(tag) in triggers:
            raise UsageError(f"{tag} is the trigger word", hint="set [characters.NAME] trigger in prep.toml")
        found = edits.retagged(pictures, change)
        names = {row["picture"]: row["file"] for row in of_set.rows(is_no_copy, columns=[])}
        for picture, (now, then) in list(found.items())[:SHOWN]:
            say(f"  {names.get(picture, picture)}")
            say(f"  now:  {now}")
            say(f"  then: {then}")
        if len(found) > SHOWN:
            say(f"  and {len(found) - SHOWN:,} more")
        if not plan:
            edits.retag(pictures, change)
        would = "would change" if plan else "changed"
        say(f"{len(found):,} of {len(pictures):,} captions {would}")
        if not found and (tag := remove or rename and rename[0]):
            say(f"no caption has {tag}: `prep tags {out}` lists all tags")
        if found and not plan:
            say(f"`prep undo {out}` undoes it")
    return 0


def _pictures(edits: "Edits", character: str | None) -> list[str]:
    pictures = sorted(picture for picture, _ in edits.placement.placed())
    if character is None:
        return pictures
    folder = numbered_folder(character)  # SRC's folder may begin with kohya's number
    wanted = {name.casefold() for name in (character, folder[1] if folder else character)}
    own = [
        picture
        for picture in pictures
        if wanted & {picture.rpartition("/")[0].casefold(), edits.placement[picture].group.casefold()}
    ]
    if not own:
        names = ", ".join(sorted({picture.rpartition("/")[0] for picture in pictures})) or "none"
        raise UsageError(f"there is no picture of {character} in kohya/", hint=f"use one of {names}")
    return own


def _list(edits: "Edits", pictures: Iterable[str]) -> None:
    """Each tag with the number of captions that have it, most often first."""
    from prep.edits.merge import is_tag_list, items, key

    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    sentences = 0
    for picture in pictures:
        hand = edits.decisions.entry(picture).hand
        if not is_tag_list(hand.text or ""):
            sentences += 1
            continue
        for item in dict.fromkeys(items(hand.text or "")):
            counts[key(item)] += 1
            spelled.setdefault(key(item), item)
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        say(f"{count:6,}  {spelled[name]}")
    if sentences:
        say(f"{sentences:6,}  sentences, which are left alone")
    if not counts and not sentences:
        say("no caption has a tag")
