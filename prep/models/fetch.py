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
    """The weights of this name, downloaded into the cache unless they are on this machine. again: even then.

    The old file stays until the new one is complete.
    Raises NetworkError, NoRoomError, StoppedError (a gate, offline, no folder); the next call resumes.
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
            f"{here.path} is in the folder that PREP_MODELS names, and takes precedence over a fetched file",
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
            except StoppedError:  # it came just now: locate would have found a file in the hub's cache
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
    """The address that `fetch` would try first."""
    return spec.files[0].url or resolve_url(spec.files[0])


def answers(url: str, seconds: float = 5) -> bool:
    """Whether this address answers within this time. Never raises, and sends no token."""
    told: queue.Queue[bool] = queue.Queue()
    # In a thread, since a silent name server blocks for longer than any time-out of requests.
    threading.Thread(target=lambda: told.put(_is_there(url, seconds)), daemon=True).start()
    try:
        return told.get(timeout=seconds)
    except queue.Empty:
        return False


def _is_there(url: str, seconds: float) -> bool:
    import requests

    try:
        return requests.head(url, timeout=seconds, allow_redirects=False).status_code < 400
    except (requests.RequestException, ValueError):  # ValueError: some host names are invalid
        return False
