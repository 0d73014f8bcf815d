"""Which folder of SRC each table [characters.NAME] belongs to, and which sub-folder of that each table
[characters.NAME.variants.X]: a folder's name or its slug. And whether their trigger words differ.
"""

import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from prep.errors import SettingsError
from prep.names import alike_words, numbered_folder, printable, slugs
from prep.sections import Settings

MOST = 10  # folders that an error names


def for_folders(
    settings: Settings,
    folders: list[str],
    others: bool = False,
    variants: Mapping[str, list[str]] | None = None,
) -> Settings:
    """The settings with each [characters.NAME] under its folder's exact name. NAME is that, with or without kohya's
    number, or its slug; if nothing matches exactly, case and Unicode form are ignored. The same for the tables of its
    variants.

    others: leave out tables of folders that are not in SRC; otherwise they raise SettingsError. So do a table that
    matches two folders, and two tables for one folder. variants: character -> its sub-folders; None: not known.
    """
    if not settings.characters:
        return settings
    named = _named(settings.characters, folders, table, "SRC has no folder", others)
    tables = {folder: settings.characters[section] for folder, section in named.items()}
    for folder, own in tables.items() if variants is not None else ():
        where = f"{printable(folder)} has no sub-folder"
        spelt = partial(variant_table, named[folder])
        given = _named(own.variants, variants.get(folder, []), spelt, where, others)
        exact = {variant: own.variants[section] for variant, section in given.items()}
        tables[folder] = own.model_copy(update={"variants": exact})
    return settings.model_copy(update={"characters": tables})


def section_of(settings: Settings, folders: list[str], folder: str) -> str:
    """The name of the [characters.NAME] that is for this folder of SRC; the folder's own if there is none."""
    return _named(settings.characters, folders, table, "SRC has no folder", others=True).get(folder, folder)


def check_triggers(settings: Settings, folders: list[str]) -> None:
    """settings: from for_folders. Raises SettingsError when the trigger words of two folders read alike.

    Two tables with exactly the same trigger are a choice: two folders of one character, or of one outfit. A variant's
    is never that of a character.
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
    _check_variants(settings, sharing)


def table(name: str) -> str:
    """[characters.NAME] in TOML's spelling."""
    return f"[characters.{_key(name)}]"


def variant_table(character: str, variant: str) -> str:
    """[characters.NAME.variants.X] in TOML's spelling."""
    return f"[characters.{_key(character)}.variants.{_key(variant)}]"


def _check_variants(settings: Settings, taken: Mapping[str, list[str]]) -> None:
    """taken: the characters' trigger words, as they read -> whose they are."""
    seen: dict[str, tuple[str, str]] = {}  # as it reads -> the word, and the table that has it
    for character, own in settings.characters.items():
        for variant, given in own.variants.items():
            if given.trigger is None:
                continue
            word, here = given.trigger, variant_table(character, variant)
            if theirs := taken.get(alike_words(word)):
                raise SettingsError(
                    f"{here} trigger: {json.dumps(word, ensure_ascii=False)} is the trigger word of "
                    f"{printable(theirs[0])}",
                    hint="a variant's stands beside its character's: choose another word",
                )
            before, there = seen.setdefault(alike_words(word), (word, here))
            if before != word:
                raise SettingsError(
                    f"{here} trigger: {word} reads like {before} in {there}",
                    hint="choose another word; if they are one outfit, write it alike in both",
                )


def _named(
    sections: Iterable[str], folders: list[str], spelt: Callable[[str], str], none_such: str, others: bool
) -> dict[str, str]:
    """Folder -> the section that is for it. spelt: a section as TOML has it. none_such: such as `SRC has no folder`."""
    named: dict[str, str] = {}
    names = _names(folders)
    for section in sections:
        found = _meant(section, folders, names)
        if len(found) > 1:
            both = " and ".join(map(printable, found))
            raise SettingsError(f"{spelt(section)} matches both {both}", hint=f"name one exactly, as {spelt(found[0])}")
        if not found:
            if others:
                continue
            what = f"{spelt(section)}: {none_such} of that name with pictures"
            raise SettingsError(what, hint=_nearest(section, folders, names, spelt))
        if found[0] in named:
            raise SettingsError(
                f"{spelt(named[found[0]])} and {spelt(section)} are both for {printable(found[0])}",
                hint="keep one of them; with --set, use the name that is in prep.toml",
            )
        named[found[0]] = section
    return named


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


def _nearest(section: str, folders: list[str], names: dict[str, list[str]], spelt: Callable[[str], str]) -> str:
    if close := difflib.get_close_matches(_alike(section), list(names), 1, cutoff=0.5):
        return f"did you mean {_as_typed(names[close[0]][0], spelt)}?"
    if not folders:
        return "put its images into a folder of that name"
    return f"use one of {', '.join(map(spelt, folders[:MOST]))}" + (" ..." if len(folders) > MOST else "")


def _as_typed(folder: str, spelt: Callable[[str], str]) -> str:
    """Its table, and the short form if that differs."""
    short = _slug(folder)
    return spelt(folder) if short == folder or _key(short) != short else f"{spelt(folder)} or {spelt(short)}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(printable(name), ensure_ascii=False)


def _slug(folder: str) -> str:
    return slugs([folder])[folder]


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
