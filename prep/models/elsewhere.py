"""Models on another machine: asked once per run what they are. What they answered last is kept in the cache, so that
`prep status` and a run with nothing to do need not ask.
"""

import contextlib
import hashlib
import json
import logging
from typing import Any

from prep.documents import parse_json, read_json
from prep.errors import NetworkError, PrepError, SettingsError, StoppedError
from prep.files import write_whole
from prep.models.hashes import cache_folder
from prep.models.ref import ModelRef
from prep.options import Options
from prep.registry import ModelSpec, Role, load
from prep.remote import address_of, is_here
from prep.sections import Settings

STAGES = {"tagger": "tagger", "generator": "generate", "captioner": "captioner"}  # what its lines in a run begin with
log = logging.getLogger(__name__)


def check_elsewhere(role: Role, address: str, settings: Settings) -> None:
    """Raises SettingsError for another machine where nothing may leave this one. Asks nobody."""
    if settings.models.offline and not is_here(address_of(address)):
        raise SettingsError(
            f"{role}.model names another machine, {address_of(address)}, but models.offline is true",
            hint="set models.offline=false, or use a model on this machine",
        )


def ref_elsewhere(spec: ModelSpec, address: str, options: Options, may_ask: bool, before: str = "") -> ModelRef:
    """The model at this address. may_ask False: as it answered last; without a digest if it never did.

    before: the digest that the set remembers: it stays while the server still has that model.
    Raises StoppedError, SettingsError; not for a server that does not answer, if it did before: perhaps nothing is left
    to do.
    """
    url = ("url", address)
    kept = _remembered(spec, address, options)
    digest, more = before or kept.get("digest", ""), {"found": kept["found"]} if "found" in kept else {}
    if may_ask:
        try:
            made = load(spec.maker, spec.name)(spec.name, {"url": address}, options)
        except NetworkError as error:
            if not digest:
                raise
            log.info(f"{STAGES[spec.role]}: {error.message}; going on with what it said before")
        else:
            log.info(f"{STAGES[spec.role]}: {made.about}")
            digest = before if before and made.is_model(before) else made.digest
            more = {"found": made.kept}
            _remember(spec, address, options, {"digest": digest, **more})
            made.close()
    return ModelRef(spec, spec.name, digest, options, (url, *more.items()))


def model_there(ref: ModelRef) -> str:
    """The name that its model has there; empty: it was never asked."""
    found = dict(ref.given).get("found")
    return parse_json(found)["model"] if found else ""


def _key(spec: ModelSpec, address: str, options: Options) -> str:
    told = options.model_dump(mode="json", exclude={*options.costs, "batch", "device", "backend", "offline"})
    return hashlib.sha256(json.dumps([spec.role, spec.name, address_of(address), told]).encode()).hexdigest()


def _kept() -> dict[str, Any]:
    try:
        found = read_json(cache_folder() / "elsewhere.json", follow=True)
    except (OSError, ValueError, StoppedError):
        return {}
    return found if isinstance(found, dict) else {}


def _remembered(spec: ModelSpec, address: str, options: Options) -> dict[str, str]:
    """Only what prep wrote: anybody may have changed the file."""
    found = _kept().get(_key(spec, address, options))
    if not isinstance(found, dict) or found.get("sum") != _sum(found):
        return {}
    return found


def _sum(what: dict[str, Any]) -> str:
    return hashlib.sha256(f"{what.get('digest')} {what.get('found')}".encode()).hexdigest()[:16]


def _remember(spec: ModelSpec, address: str, options: Options, what: dict[str, str]) -> None:
    kept = _kept() | {_key(spec, address, options): what | {"sum": _sum(what)}}
    with contextlib.suppress(OSError, PrepError):  # without it, status only knows less
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_whole(cache_folder() / "elsewhere.json", json.dumps(kept, indent=1).encode())
