"""Names of people's files and characters, made safe for folders, captions, TOML and terminals."""

import hashlib
import os
import re
import unicodedata

DRAWN = "-drawn"  # ends the name of the folder with what was drawn of a character; no slug may


def drawn_group(slug: str) -> str:
    return f"{slug}{DRAWN}"


def numbered_folder(name: str) -> tuple[int, str] | None:
    """kohya's `10_name` -> (10, "name"); None for a folder that is not called so."""
    found = re.fullmatch(r"(\d+)_(.+)", name)
    return (int(found[1]), found[2]) if found else None


def slugs(characters: list[str]) -> dict[str, str]:
    """Character -> a name that is safe as a folder's, in TOML and in a caption; each its own."""
    plain = {name: _slug(name) for name in characters}
    taken: dict[str, list[str]] = {}
    for name, slug in plain.items():
        taken.setdefault(slug, []).append(name)
    return {
        # Of several, the one that is its own slug keeps it: the others' names do not depend on who came first.
        name: slug if taken[slug] == [name] or name == slug else f"{slug}-{_digest(name)}"
        for name, slug in plain.items()
    }


def _slug(name: str) -> str:
    text = unicodedata.normalize("NFC", printable(name)).lower()
    slug = re.sub(r"[^\w-]+", "_", text).strip("_-")
    # 60 characters of up to three bytes stay under a file name's 255 bytes, hash and suffix included.
    slug = slug[:60].rstrip("_-") or f"character-{_digest(name)}"
    return f"{slug}-{_digest(name)}" if slug.endswith(DRAWN) else slug


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:4]


def printable(path: str) -> str:
    """A path as text that any file may hold: undecodable bytes and control characters escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
