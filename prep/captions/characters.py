"""Which folder of SRC each table [characters.NAME] is about: named as the folder, or as its slug."""

import difflib
import json
import re
import unicodedata

from prep.config import Settings
from prep.errors import SettingsError
from prep.names import numbered_folder, printable, slugs

MOST = 10  # folders that an error names


def for_folders(settings: Settings, folders: list[str], others: bool = False) -> Settings:
    """The settings with each [characters.NAME] under the exact name of its folder: NAME is that, with kohya's number or
    without, or its slug; where neither is, either in another case or Unicode form.

    others: tables of folders that are not here are left out. Raises SettingsError for them otherwise; and for a table
    that may be about two folders, and for two tables about one.
    """
    if not settings.characters:
        return settings
    named: dict[str, str] = {}  # folder -> the section
    names = _names(folders)
    for section in settings.characters:
        found = _meant(section, folders, names)
        if len(found) > 1:
            both = " and ".join(map(printable, found))
            raise SettingsError(f"{table(section)} may be about {both}", hint=f"name one exactly, as {table(found[0])}")
        if not found:
            if others:
                continue
            raise SettingsError(f"{table(section)}: SRC has no such character", hint=_nearest(section, folders, names))
        if found[0] in named:
            raise SettingsError(
                f"{table(named[found[0]])} and {table(section)} are both about {printable(found[0])}",
                hint="write one of them; with --set, name the one that prep.toml names",
            )
        named[found[0]] = section
    tables = {folder: settings.characters[section] for folder, section in named.items()}
    return settings.model_copy(update={"characters": tables})


def table(name: str) -> str:
    """[characters.NAME] as TOML wants it."""
    return f"[characters.{_key(name)}]"


def _names(folders: list[str]) -> dict[str, list[str]]:
    """What a folder may be called, as it is and alike -> the folders."""
    together = slugs(folders)
    names: dict[str, list[str]] = {}
    for folder in folders:
        given = {_slug(folder), together[folder]}
        for name in sorted({folder, *given, *map(_alike, (folder, *given))}):
            names.setdefault(name, []).append(folder)
    return names


def _meant(section: str, folders: list[str], names: dict[str, list[str]]) -> list[str]:
    """The folders that a section may be about: one, where one fits best."""
    bare = numbered_folder(section)
    for name in (section, bare[1] if bare else section):
        if name in folders:
            return [name]
    return names.get(section) or names.get(_alike(section), [])


def _nearest(section: str, folders: list[str], names: dict[str, list[str]]) -> str:
    if close := difflib.get_close_matches(_alike(section), list(names), 1, cutoff=0.5):
        return f"did you mean {_as_typed(names[close[0]][0])}?"
    return f"there is {', '.join(map(table, folders[:MOST])) or 'none'}" + (" ..." if len(folders) > MOST else "")


def _as_typed(folder: str) -> str:
    """Its table; and the short form, where that is another."""
    short = table(_slug(folder))
    return table(folder) if short == table(folder) or '"' in short else f"{table(folder)} or {short}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(printable(name), ensure_ascii=False)


def _slug(folder: str) -> str:
    return slugs([folder])[folder]


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
