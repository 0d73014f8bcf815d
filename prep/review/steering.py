"""Changes of settings from the page: what each would do to the captions, and doing it."""

from collections.abc import Callable
from typing import Any

from prep.review.asked import Trait
from prep.review.next_run import Foreseen
from prep.review.session import EXAMPLES, Session
from prep.review.traits import Values, flipped, tables_of, with_values
from prep.sections import Settings
from prep.web.refused import Refused


def traits_of(session: Session) -> dict[str, Any]:
    found = session.next.wait()
    return {"source": session.next.why or None, "characters": tables_of(found) if found else []}


def flip_trait(session: Session, sent: Trait) -> dict[str, Any]:
    found = foresight(session)
    values = flipped(session.next, found, sent.character, sent.name, sent.choice)
    return change_settings(session, found, values, lambda settings: with_values(settings, values), sent.dry)


def foresight(session: Session) -> Foreseen:
    """What the next run will do as things are. Raises Refused when that cannot be known."""
    if (found := session.next.wait()) is None:
        raise Refused(409, f"what settings would do cannot be seen: {session.next.why}")
    return found


def change_settings(
    session: Session, found: Foreseen, values: Values, change: Callable[[Settings], Settings], dry: bool
) -> dict[str, Any]:
    """Write values into OUT/settings.toml -> how many captions the next run will write otherwise, with examples."""
    then = session.next.with_settings(change)
    changed = found.changed(then)
    names = {item.picture: item for item in session.board.items}
    examples = [
        {"id": names[picture].id, "name": names[picture].name, "before": before, "after": after}
        for picture, (before, after) in changed.items()
        if picture in names
    ]
    about = {"count": len(examples), "of": len(found.texts), "examples": examples[:EXAMPLES]}
    if dry:
        return about | {"message": "", "version": session.board.version}
    done = session.act({"do": "set", "values": [[[*key], value] for key, value in values.items()]})
    return about | {"message": done["message"], "version": done["version"]}
