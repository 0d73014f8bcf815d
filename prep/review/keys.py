"""Which key does what on the page: one TOML file, `action = ["j", "ArrowDown"]`."""

from prep.documents import read_named
from prep.errors import SettingsError

ACTIONS = (
    "next", "previous", "first_untouched", "accept", "reject", "exclude", "restore", "add", "complete", "remove",
    "undo", "redo", "filter", "tags", "caption", "zoom", "back", "help",
)  # fmt: skip
LONGEST = 40  # letters of a key
MODIFIERS = ("Ctrl", "Alt", "Shift", "Meta")


def read_keys(path: str) -> dict[str, list[str]]:
    """Action -> its keys; those that the file leaves out have none.

    Raises SettingsError for an unknown action, for what is no list of keys, and for a key with two actions.
    """
    found = read_named(path, "review.keys")
    taken: dict[str, str] = {}
    for action, keys in found.items():
        if action not in ACTIONS:
            raise SettingsError(
                f"review.keys: {path}: {action!r} is no action", hint=f"use one of {', '.join(ACTIONS)}"
            )
        if not isinstance(keys, list) or not all(isinstance(each, str) and 0 < len(each) <= LONGEST for each in keys):
            raise SettingsError(
                f"review.keys: {path}: {action} is not a list of keys", hint='write next = ["j", "Ctrl+ArrowDown"]'
            )
        for each in keys:
            *modifiers, _ = each.split("+") if each != "+" else (each,)
            if unknown := [name for name in modifiers if name not in MODIFIERS and name]:
                raise SettingsError(
                    f"review.keys: {path}: {action} has {each!r}, and there is no {unknown[0]}",
                    hint=f"use {', '.join(MODIFIERS)}",
                )
            if taken.setdefault(each, action) != action:
                raise SettingsError(
                    f"review.keys: {path}: {each!r} is for {taken[each]} and for {action}", hint="keep one of them"
                )
    return {action: list(found.get(action, ())) for action in ACTIONS}
