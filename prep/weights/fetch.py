"""Fetching weights: a release page over HTTP, resumed where it was cut off; a hub repo through its own client."""

import os
import shutil
import time
from pathlib import Path

from prep.errors import NetworkError, NoRoomError, StoppedError
from prep.weights.known import Model, known
from prep.weights.locate import Weights, cache_folder, sha256_of, weights_at

TRIES = 5
PAUSE_SECONDS = 1.0  # doubles with each try
TIMEOUT_SECONDS = (10, 60)  # to connect, between bytes
CHUNK = 1 << 20


def answers(url: str, seconds: float = 5) -> bool:
    """Does this address answer within that time? Never raises."""
    import requests

    try:
        requests.head(url, timeout=seconds, allow_redirects=False)
    except requests.RequestException:
        return False
    return True


def fetch(name: str, again: bool = False, progress: bool = True) -> Weights:
    """Download weights into the cache, unless they are there. again: even then.

    Raises NetworkError, NoRoomError, StoppedError (a gate); what has arrived stays and is gone on from.
    """
    model = known(name)
    target = cache_folder() / "models" / model.file
    if target.is_file() and not again:
        return weights_at(target, model.name, "cache")
    if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        raise StoppedError(f"{model.name} is not here, and HF_HUB_OFFLINE forbids to fetch it", hint=_by_hand(model))
    if model.packaged:
        raise StoppedError(f"{model.name} should be in the package and is not", hint="install prep again")
    target.parent.mkdir(parents=True, exist_ok=True)
    if model.repo:
        return weights_at(_from_hub(model, again), model.name, "cache")
    if again:
        target.unlink(missing_ok=True)
        _part(target).unlink(missing_ok=True)
    _download(model, target, progress)
    sha256_of(target)
    return weights_at(target, model.name, "cache")


def _download(model: Model, target: Path, progress: bool) -> None:
    import requests

    last = "no answer"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            _stream(model, target, progress)
            return
        except requests.HTTPError as error:
            last = f"status {error.response.status_code}"
            if error.response.status_code < 500 and error.response.status_code not in (408, 429):
                break
        except (requests.RequestException, _ShortError) as error:
            last = str(error).split("(")[0].strip() or type(error).__name__
    raise NetworkError(f"{model.name} could not be fetched from {model.url}: {last}", hint=_by_hand(model))


class _ShortError(Exception):
    """The connection ended before the file did."""


def _stream(model: Model, target: Path, progress: bool) -> None:
    """One request: from where the part ends, if the file on the server is still the same one."""
    import requests
    from tqdm import tqdm

    part, tag = _part(target), _part(target).with_suffix(".etag")
    have = part.stat().st_size if part.is_file() and tag.is_file() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": tag.read_text()} if have else {}
    with requests.get(model.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status_code == 416:  # the part is as long as the file, or longer: not to be trusted
            part.unlink()
            raise _ShortError("the part did not fit")
        answer.raise_for_status()
        resumed = answer.status_code == 206
        have = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        _check_room(target, (total or model.megabytes * 10**6) - have)
        tag.write_text(answer.headers.get("ETag", ""))
        if not tag.read_text():
            tag.unlink()  # without a name for the version, a part cannot be gone on from
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=model.file, disable=not progress) as bar,
        ):
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise _ShortError(f"{part.stat().st_size:,} of {total:,} bytes arrived")
    part.replace(target)
    tag.unlink(missing_ok=True)


def _check_room(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise NoRoomError(
            f"{target.name} needs {needed / 1e9:.1f} GB more, {free / 1e9:.1f} GB are free in {target.parent}",
            hint="make room, or let PREP_CACHE name a folder with more",
        )


def _from_hub(model: Model, again: bool) -> Path:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    _check_room(cache_folder() / "models" / model.file, model.megabytes * 10**6)
    # A mirror is somebody else's machine: it gets no token unless the user says so.
    mirror = constants.ENDPOINT.rstrip("/") != "https://huggingface.co"
    token = False if mirror and os.environ.get("PREP_TOKEN_TO_MIRROR") != "1" else None
    try:
        return Path(hf_hub_download(model.repo, model.file, token=token, force_download=again, etag_timeout=10))
    except GatedRepoError:
        raise StoppedError(
            f"{model.name} is behind a licence: accept it at https://huggingface.co/{model.repo} and log in",
            hint="`hf auth login` keeps your token; sd35-large-fp8 needs neither",
        ) from None
    except RepositoryNotFoundError:
        raise StoppedError(f"the hub has no {model.repo}, or hides it from this token", hint=_by_hand(model)) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        told = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise NetworkError(f"{model.name} could not be fetched from the hub: {told}", hint=_by_hand(model)) from None


def _part(target: Path) -> Path:
    return target.with_suffix(".part")


def _by_hand(model: Model) -> str:
    page = model.url or f"https://huggingface.co/{model.repo}"
    return f"fetch {model.file} from {page} by hand and let PREP_MODELS name its folder"
