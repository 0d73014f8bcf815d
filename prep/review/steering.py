"""Changes of settings from the page: what each would do to the captions, and doing it."""

from collections.abc import Callable
from typing import Any

from prep.edits.actions import Action, values_of
from prep.edits.own_settings import found_in, read_settings, with_values
from prep.names import underscored
from prep.review.asked import Trait
from prep.review.next_run import Foreseen
from prep.review.session import EXAMPLES, Session
from prep.review.traits import flip_of, tables_of
from prep.web.refused import Refused


def traits_of(session: Session) -> dict[str, Any]:
    found = session.next.fresh()
    return {"source": session.next.why or None, "characters": tables_of(found) if found else []}


def flip_trait(session: Session, sent: Trait) -> dict[str, Any]:
    action = flip_of(session.next, foresight(session), sent.character, sent.name, sent.choice)

    def works(then: Foreseen) -> bool:
        own = (table for table in tables_of(then) if table["character"] == sent.character)
        choices = {row["name"]: row["choice"] for table in own for row in table["rows"]}
        return choices.get(underscored(sent.name), "auto") == sent.choice

    return change_settings(session, action, sent.dry, works)


def foresight(session: Session) -> Foreseen:
    """What the next run will do as things are. Raises Refused when that cannot be known."""
    if (found := session.next.fresh()) is None:
        raise Refused(409, f"what settings would do cannot be seen: {session.next.why}")
    return found


def change_settings(session: Session, action: Action, dry: bool, works: Callable[[Foreseen], bool]) -> dict[str, Any]:
    """Change OUT/settings.toml -> how many captions the next run will write otherwise, with examples.

    works: whether it has its effect. Raises Refused when it has not, since --set or --config of the last run wins.
    """
    found, own = foresight(session), read_settings(session.out)
    values = values_of(action, lambda key: found_in(own, key))
    then = session.next.with_own(with_values(own, values))
    if session.next.given and not works(then):
        raise Refused(
            409,
            "this would change nothing: the last run had it in --set or --config",
            "change it there, or run without",
        )
    names = {item.picture: item for item in session.board.items}
    examples = [
        {"id": names[picture].id, "name": names[picture].name, "before": before, "after": after}
        for picture, (before, after) in found.changed(then).items()
        if picture in names
    ]
    about = {"count": len(examples), "of": len(found.texts), "examples": examples[:EXAMPLES]}
    if dry:
        return about | {"message": "", "version": session.board.version}
    done = session.act(action)
    return about | {"message": done["message"], "version": done["version"]}
