"""Names of files and characters, made safe for folders, captions, TOML and terminals."""

import contextlib
import hashlib
import os
import re
import unicodedata

from prep.system import can_be_called

DRAWN = "-drawn"  # ends the name of a character's folder of drawn pictures
CROP = "-crop"  # of its folder of crops
MADE = (DRAWN, CROP)  # no slug may end so

MOST_REPEATS = 1_000_000  # per picture and epoch: more is a typing error, and no trainer could count it


def alike_words(words: str) -> str:
    """Trigger words or tags that a text encoder reads alike, in one form: without case, width, escapes, and the
    difference between _ and space.
    """
    plain = unicodedata.normalize("NFKC", words).casefold()
    return " ".join(plain.replace("\\", "").replace("_", " ").split())


def underscored(name: str) -> str:
    """A tag's name as vocabularies spell it: in lower case, with underscores."""
    return "_".join(name.strip().lower().split())


def drawn_group(slug: str) -> str:
    return f"{slug}{DRAWN}"


def crop_group(slug: str) -> str:
    return f"{slug}{CROP}"


def is_made_group(group: str) -> bool:
    """Whether a folder holds pictures that prep made. group: its name without the repeats."""
    return group.endswith(MADE)


def slug_of_group(group: str) -> str:
    """The name of the character whose folder this is: of its own pictures, or of those that prep made of them."""
    return group.removesuffix(DRAWN).removesuffix(CROP)


def numbered_folder(name: str) -> tuple[int, str] | None:
    """kohya's `10_name` -> (10, "name"); None for a folder with another kind of name."""
    found = re.fullmatch(r"(\d+)_(.+)", name)
    return (int(found[1]), found[2]) if found else None


def quantity(count: int, what: str) -> str:
    """Such as "1 row" or "2,000 rows"."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def slugs(characters: list[str], known: dict[str, str] | None = None) -> dict[str, str]:
    """Character -> a unique name that is safe in folders, TOML and captions.

    known: names assigned before. They stay when characters join, and pass on only to a folder of the same name in
    another case or Unicode form.
    """
    known = known or {}
    given = {name: known[name] for name in characters if name in known}
    gone = {_alike(name): slug for name, slug in known.items() if name not in given}
    for name in characters:
        if name not in given and _alike(name) in gone:
            given[name] = gone.pop(_alike(name))
    plain = {name: _slug(name) for name in characters if name not in given}
    taken: dict[str, list[str]] = {slug: [name] for name, slug in known.items()} | {
        slug: [name] for name, slug in given.items()
    }
    for name, slug in plain.items():
        taken[slug] = [*taken.get(slug, []), name]
    held = {*known.values(), *given.values()}
    # The character whose name is already the slug gets it: the others' names do not depend on who came first.
    new = {name: slug for name, slug in plain.items() if taken[slug] == [name] or name == slug and slug not in held}
    held |= set(new.values())
    for name, slug in plain.items():
        if name not in new:
            longer = (f"{slug}-{_digest(name, letters)}" for letters in (4, 8, 64))
            new[name] = next(each for each in longer if each not in held)
            held.add(new[name])
    return {name: given.get(name) or new[name] for name in characters}


def stem_slug(stem: str) -> str:
    """A picture's own name as the start of its name in kohya/: at most 24 letters, safe everywhere."""
    return _plain(stem)[:24].strip("_-") or "image"


def _slug(name: str) -> str:
    # 60 characters of up to three bytes fit into a file name's 255 bytes, hash and suffix included.
    slug = _plain(name)[:60].rstrip("_-") or f"character-{_digest(name)}"
    return slug if can_be_called(slug) and not slug.endswith(MADE) else f"{slug}-{_digest(name)}"


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFC", printable(name)).lower()
    return re.sub(r"[^\w-]+", "_", text).strip("_-")


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _digest(name: str, letters: int = 4) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:letters]


def printable(path: str) -> str:
    """A path as text that any file may hold: undecodable bytes and control characters escaped."""
    with contextlib.suppress(UnicodeEncodeError):  # a lone surrogate, which no path has: from foreign JSON
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return _escaped(path, "")


def shown(text: str) -> str:
    """Text that is safe for a terminal: unprintable characters are escaped, except line ends and tabs.

    Otherwise the name of a file, tag or setting could move the cursor, colour the text or rename the window.
    """
    return _escaped(text, "\n\t")


def _escaped(text: str, left: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in left else _escape(char) for char in text)


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte that is not UTF-8, as Python represents it
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
