"""Which folder of SRC each table [characters.NAME] belongs to: NAME is the folder's name or its slug. And whether each
character has a trigger word of its own.
"""

import difflib
import json
import re
import unicodedata

from prep.config import Settings
from prep.errors import SettingsError
from prep.names import alike_words, numbered_folder, printable, slugs

MOST = 10  # folders that an error names


def for_folders(settings: Settings, folders: list[str], others: bool = False) -> Settings:
    """The settings with each [characters.NAME] under its folder's exact name. NAME is that, with or without kohya's
    number, or its slug; if nothing matches exactly, case and Unicode form are ignored.

    others: leave out tables of folders that are not in SRC; otherwise they raise SettingsError. So do a table that
    matches two folders, and two tables for one folder.
    """
    if not settings.characters:
        return settings
    named: dict[str, str] = {}  # folder -> the section
    names = _names(folders)
    for section in settings.characters:
        found = _meant(section, folders, names)
        if len(found) > 1:
            both = " and ".join(map(printable, found))
            raise SettingsError(f"{table(section)} matches both {both}", hint=f"name one exactly, as {table(found[0])}")
        if not found:
            if others:
                continue
            what = f"{table(section)}: SRC has no folder of that name with pictures"
            raise SettingsError(what, hint=_nearest(section, folders, names))
        if found[0] in named:
            raise SettingsError(
                f"{table(named[found[0]])} and {table(section)} are both for {printable(found[0])}",
                hint="keep one of them; with --set, use the name that is in prep.toml",
            )
        named[found[0]] = section
    tables = {folder: settings.characters[section] for folder, section in named.items()}
    return settings.model_copy(update={"characters": tables})


def check_triggers(settings: Settings, folders: list[str]) -> None:
    """settings: from for_folders. Raises SettingsError when the trigger words of two folders read alike.

    Two tables with exactly the same trigger are a choice: two folders of one character.
    """
    together = slugs(folders)
    given = {name: each.trigger for name, each in settings.characters.items() if each.trigger is not None}
    sharing: dict[str, list[str]] = {}
    for folder in folders:
        sharing.setdefault(alike_words(given.get(folder, together[folder])), []).append(folder)
    for found in sharing.values():
        words = {given.get(folder, together[folder]) for folder in found}
        named = [folder for folder in found if folder in given]
        if len(found) < 2 or not named or len(named) == len(found) and len(words) == 1:
            continue
        names, example = " and ".join(map(printable, found[:MOST])), json.dumps(given[named[0]], ensure_ascii=False)
        tables = " and ".join(map(table, found[:MOST]))
        raise SettingsError(
            f"{table(named[0])} trigger: {names} would have the same trigger word ({', '.join(sorted(words))})",
            hint=f"choose another word; if they are one character, write trigger = {example} in {tables}",
        )


def table(name: str) -> str:
    """[characters.NAME] in TOML's spelling."""
    return f"[characters.{_key(name)}]"


def _names(folders: list[str]) -> dict[str, list[str]]:
    """Each name that a folder may be called by, exact or normalised -> the folders."""
    together = slugs(folders)
    names: dict[str, list[str]] = {}
    for folder in folders:
        given = {_slug(folder), together[folder]}
        for name in sorted({folder, *given, *map(_alike, (folder, *given))}):
            names.setdefault(name, []).append(folder)
    return names


def _meant(section: str, folders: list[str], names: dict[str, list[str]]) -> list[str]:
    """The folders that a section may mean: only one if it fits best."""
    bare = numbered_folder(section)
    for name in (section, bare[1] if bare else section):
        if name in folders:
            return [name]
    return names.get(section) or names.get(_alike(section), [])


def _nearest(section: str, folders: list[str], names: dict[str, list[str]]) -> str:
    if close := difflib.get_close_matches(_alike(section), list(names), 1, cutoff=0.5):
        return f"did you mean {_as_typed(names[close[0]][0])}?"
    if not folders:
        return "put its images into a folder of SRC"
    return f"use one of {', '.join(map(table, folders[:MOST]))}" + (" ..." if len(folders) > MOST else "")


def _as_typed(folder: str) -> str:
    """Its table, and the short form if that differs."""
    short = table(_slug(folder))
    return table(folder) if short == table(folder) or '"' in short else f"{table(folder)} or {short}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(printable(name), ensure_ascii=False)


def _slug(folder: str) -> str:
    return slugs([folder])[folder]


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
