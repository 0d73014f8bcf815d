"""The known weights as `prep models` lists them. A file is read only when it was changed since it was fetched."""

import contextlib
import os
import textwrap
from collections.abc import Iterator

from prep.errors import PrepError
from prep.models.download import part_of
from prep.models.hashes import cache_folder, fetched_sha256, sha256_of
from prep.models.hub import check_endpoint
from prep.models.known import KNOWN, Model
from prep.models.locate import find, target_of

WIDTH = 100
INDENT = {"initial_indent": "    ", "subsequent_indent": "      ", "break_long_words": False, "break_on_hyphens": False}


def listing() -> Iterator[str]:
    """Yield the lines: name, size and place of each model; under it what it is, its licence, how to get it.

    Raises UsageError as check_endpoint.
    """
    check_endpoint()  # else the list would break off at the first model that may lie in the hub's cache
    for model in KNOWN.values():
        size, where, todo = _place(model)
        yield f"{model.name:<22}{size:>7}  {where}"
        by_hand = "" if model.packaged else f"by hand: {model.page}"
        licence = f"licence: {model.licence}"
        for told in (model.what, f"runs on: {model.runs_on}", licence, model.licence_url, todo, by_hand):
            # Addresses stay whole, so that a terminal can open them.
            yield from textwrap.wrap(told, WIDTH, **INDENT)
        yield ""
    folder = os.environ.get("PREP_MODELS")
    yield f"looked for in {folder + ' (PREP_MODELS), then ' if folder else ''}{_cache()}"
    if not folder:
        yield "PREP_MODELS names a folder to look in first, for files that were fetched by hand"


def _place(model: Model) -> tuple[str, str, str]:
    """(size, where it is, what to do)."""
    found = find(model)
    if not found:
        return model.size, *_missing(model)
    source, path = found
    size = path.stat().st_size
    told = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
    fetched = fetched_sha256(model.name)
    if fetched and sha256_of(path) != fetched:
        return told, f"{source}: {path}", f"CHANGED since it was fetched: `prep models get {model.name} --again`"
    return told, f"{source}: {path}", ""


def _missing(model: Model) -> tuple[str, str]:
    if model.packaged:
        return "not in this package", ""
    arrived = 0
    if model.url:
        with contextlib.suppress(OSError, PrepError):
            arrived = part_of(target_of(model)).stat().st_size
    begun = f"; {arrived / 1e6:,.0f} MB have arrived" if arrived else ""
    gate = " after accepting the licence" if model.gated else ""
    return f"not here{begun}", f"`prep models get {model.name}`{gate}"


def _cache() -> str:
    try:
        return str(cache_folder())
    except PrepError as error:
        return str(error)
