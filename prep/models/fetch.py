"""Fetching weights by name: from a release page over HTTP, or from a hub repo through its own client."""

import queue
import threading

from prep.errors import StoppedError, UsageError
from prep.models.download import download, part_of
from prep.models.hashes import remember_fetched, sha256_of
from prep.models.hub import from_hub, hub_offline, resolve_url
from prep.models.known import known
from prep.models.locate import Weights, locate, target_of, weights_of
from prep.models.published import by_hand, check_download
from prep.registry import ModelSpec


def fetch(name: str, again: bool = False) -> Weights:
    """The weights of that name, downloaded into the cache unless they are here. again: even then.

    Until the new file is whole, the old one stays.
    Raises NetworkError, NoRoomError, StoppedError (a gate, offline, no folder); what has arrived is gone on from.
    """
    spec = known(name)
    here = locate(name)
    if here and not again:
        return here
    if spec.packaged:
        raise StoppedError(
            f"{spec.name} comes with prep and is not fetched",
            hint="install prep again: `pip install -e .` in a fresh clone",
        )
    if here and here.source == "PREP_MODELS":
        raise UsageError(
            f"{here.path} is in the folder that PREP_MODELS names, and is used before anything that is fetched",
            hint="remove it there first",
        )
    if hub_offline():
        raise StoppedError(
            f"{spec.name} is not fetched: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set", hint=by_hand(spec)
        )
    files = {}
    for file in spec.files:
        if file.repo:
            path = from_hub(spec, file, again)
            sha256 = sha256_of(path)
            try:
                check_download(spec, file, sha256)
            except StoppedError:  # it came just now: what the hub's cache had, locate would have found
                path.resolve().unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                raise
        else:
            path = target_of(spec, file)
            if again:
                part_of(path).unlink(missing_ok=True)
            sha256 = download(spec, file, path)
        remember_fetched(spec.name, file.part, path, sha256)
        files[file.part] = path
    return weights_of(spec, files, "cache")


def source_of(spec: ModelSpec) -> str:
    """The address that fetch would ask first."""
    return spec.files[0].url or resolve_url(spec.files[0])


def answers(url: str, seconds: float = 5) -> bool:
    """Is this address there, and does it say so within that time? Never raises, and sends no token."""
    told: queue.Queue[bool] = queue.Queue()
    # A thread, since a name server that is silent is waited for longer than any time-out of requests.
    threading.Thread(target=lambda: told.put(_is_there(url, seconds)), daemon=True).start()
    try:
        return told.get(timeout=seconds)
    except queue.Empty:
        return False


def _is_there(url: str, seconds: float) -> bool:
    import requests

    try:
        return requests.head(url, timeout=seconds, allow_redirects=False).status_code < 400
    except (requests.RequestException, ValueError):  # ValueError: some hosts cannot even be spelt
        return False
