"""The known weights as `prep models` lists them. A file is read only if it has changed since it was fetched."""

import contextlib
import textwrap
from collections.abc import Iterator
from pathlib import Path

from prep.errors import PrepError
from prep.models.download import part_of
from prep.models.hashes import cache_folder, fetched_sha256, sha256_of
from prep.models.hub import check_endpoint
from prep.models.known import all_known
from prep.models.locate import find, models_folder, target_of
from prep.registry import ModelSpec

WIDTH = 100
INDENT = {"initial_indent": "    ", "subsequent_indent": "      ", "break_long_words": False, "break_on_hyphens": False}


def listing() -> Iterator[str]:
    """Yield the lines: name, size and place of each spec; below it what it is, its licence, how to get it.

    Raises UsageError like check_endpoint.
    """
    check_endpoint()  # otherwise the list would stop at the first model that may be in the hub's cache
    for spec in all_known():
        size, where, todo = _place(spec)
        yield f"{spec.name:<22}{size:>7}  {where}"
        by_hand = "" if spec.packaged else f"by hand: {spec.page}"
        licence = f"licence: {spec.licence}"
        for text in (spec.what, f"runs on: {spec.runs_on}", licence, spec.licence_url, todo, by_hand):
            # Addresses stay whole, so that a terminal can open them.
            yield from textwrap.wrap(text, WIDTH, **INDENT)
        yield ""
    folder = models_folder()
    yield f"searched in {f'{folder} (PREP_MODELS), then ' if folder else ''}{_cache()}"
    if not folder:
        yield "set PREP_MODELS to a folder with files that you downloaded by hand; it is searched first"


def _place(spec: ModelSpec) -> tuple[str, str, str]:
    """(size, where it is, what to do)."""
    found = find(spec)
    if not found:
        return spec.size, *_missing(spec)
    source, files = found
    path = next(iter(files.values()))
    size = sum(file.stat().st_size for file in files.values())
    text = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
    if _changed(spec, files):
        return text, f"{source}: {path}", f"CHANGED since it was fetched: `prep models get {spec.name} --again`"
    return text, f"{source}: {path}", ""


def _changed(spec: ModelSpec, files: dict[str, Path]) -> bool:
    fetched = {part: fetched_sha256(spec.name, part) for part in files}
    return any(sha256 and sha256_of(files[part]) != sha256 for part, sha256 in fetched.items())


def _missing(spec: ModelSpec) -> tuple[str, str]:
    if spec.packaged:
        return "not in this package", ""
    arrived = 0
    for file in spec.files:
        with contextlib.suppress(OSError, PrepError):
            arrived += part_of(target_of(spec, file)).stat().st_size if file.url else 0
    begun = f"; {arrived / 1e6:,.0f} MB have arrived" if arrived else ""
    gate = " after accepting the licence" if spec.gated else ""
    return f"not here{begun}", f"`prep models get {spec.name}`{gate}"


def _cache() -> str:
    try:
        return str(cache_folder())
    except PrepError as error:
        return str(error)
