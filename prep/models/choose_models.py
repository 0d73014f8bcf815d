"""Which tagger reads an OUT: what it was begun with stays with it, also when its weights are not at hand."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from prep.config import Settings
from prep.errors import PrepError, UsageError
from prep.ledger import Ledger, Shelf
from prep.models import KNOWN, Weights, choose_tagger, locate
from prep.models.choose import choose_generator
from prep.models.hashes import sha256_of
from prep.process.hardware import nvidia_driver

PARTS = ("vae", "clip_l", "clip_g", "t5")
NOT_HERE = "a tagger that is to be fetched"
MODEL = Shelf("model", (pa.field("name", pa.string()), pa.field("sha256", pa.string())))


@dataclass(frozen=True)
class Settled:
    """A tagger by name and hash. path fetches the weights if they are not here: call it only to load them."""

    name: str
    sha256: str
    path: Callable[[], Path]


def settle_tagger(ledger: Ledger, settings: Settings, say: Callable[[str], None], may_fetch: bool = True) -> Settled:
    """The tagger for this run, remembered for the next one. may_fetch False: without a hash when it is not here.

    Raises StoppedError or UsageError when none can be had.
    """
    asked = settings.tagger.model
    remembered = ledger.rows(MODEL).get("tagger")
    if remembered and asked in ("auto", remembered["name"], remembered["name"].removesuffix("-tagger")):
        here = locate(remembered["name"]) if remembered["name"] in KNOWN else None
        if here is None:
            # Nothing may be left to tag, and then nothing needs the file.
            return Settled(remembered["name"], remembered["sha256"], lambda: _chosen(settings, say, True).path)
        weights = here
    else:
        weights = _chosen(settings, say, may_fetch)
        if weights is None:
            return Settled(NOT_HERE, "", Path)
    if remembered and remembered["name"] == weights.name and remembered["sha256"] != weights.sha256:
        say(f"tag: {weights.path.name} is another file than before; all images are tagged anew")
    if not remembered or (remembered["name"], remembered["sha256"]) != (weights.name, weights.sha256):
        row = {"subject": "tagger", "recipe": "", "name": weights.name, "sha256": weights.sha256}
        ledger.write(MODEL, [row])
    return Settled(weights.name, weights.sha256, lambda: weights.path)


@dataclass(frozen=True)
class SettledGenerator:
    """A generator by name, with the hash of all its files; an empty one for weights that are still to be fetched.

    parts: vae, clip_l, clip_g, t5 where they are their own.
    """

    kind: str  # which class draws with it: a name of prep.generators
    name: str
    sha256: str
    model: Path
    parts: dict[str, Path]


def settle_generator(settings: Settings, say: Callable[[str], None], may_fetch: bool = True) -> SettledGenerator | None:
    """None when nothing is to be drawn. may_fetch False: without a hash when it is not here.

    Raises StoppedError, UsageError, WeightsError.
    """
    weights = choose_generator(
        settings.generator.model,
        nvidia_driver(),
        lambda line: say(f"generate: {line}"),
        may_fetch,
        settings.models.offline,
    )
    if weights is None:
        asked = settings.generator.model
        return SettledGenerator(asked, asked, "", Path(), {}) if asked not in ("auto", "none") else None
    parts = {name: Path(getattr(settings.generator, name)) for name in PARTS if getattr(settings.generator, name)}
    for name, path in parts.items():
        if not path.is_file():
            raise UsageError(f"generator.{name}: {path} is no file", hint=f"name the file that holds {name}")
    hashes = [weights.sha256, *(f"{name} {sha256_of(path)}" for name, path in parts.items())]
    sha256 = hashlib.sha256("\n".join(hashes).encode()).hexdigest() if parts else weights.sha256
    name = weights.name if weights.name != "file" else weights.path.stem
    return SettledGenerator(weights.name, name, sha256, weights.path, parts)


def would_draw(settings: Settings) -> tuple[bool, str]:
    """(whether a run draws, in a sentence why not). Loads and fetches nothing."""
    why: list[str] = []
    asked = settings.generator.model
    try:
        chosen = choose_generator(asked, nvidia_driver(), why.append, False, settings.models.offline)
    except PrepError as error:
        return False, str(error)
    if chosen or asked not in ("auto", "none"):  # a name whose weights would be fetched
        return True, ""
    return False, why[-1].removeprefix("nothing is drawn: ") if why else "generator.model is none"


def _chosen(settings: Settings, say: Callable[[str], None], may_fetch: bool) -> Weights | None:
    asked, models = settings.tagger.model, settings.models
    return choose_tagger(asked, models.offline, models.fallback, lambda line: say(f"tagger: {line}"), may_fetch)
