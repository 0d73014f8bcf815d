"""A file of a Hugging Face repo, through huggingface_hub; its errors as one sentence each.

The client's own text is never shown: it may contain a mirror's address with a password in it.
The client reads its variables when it is imported, which takes 0.03 to 0.2 s: only functions import it.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from prep.errors import NetworkError, PrepError, StoppedError, UsageError
from prep.files import cannot_write
from prep.models.download import check_room, standing
from prep.models.hashes import at_home
from prep.models.published import by_hand
from prep.registry import HUB, ModelFile, ModelSpec

ANSWER_SECONDS = 10


def endpoint() -> str:
    """The hub, or the mirror that HF_ENDPOINT names. Read here, since check_endpoint comes before the client."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB


def hub_name() -> str:
    """Only the host: an address may have a password in it."""
    return _split(endpoint()).hostname or "HF_ENDPOINT"


def is_mirror() -> bool:
    return _split(endpoint())[:2] != _split(HUB)[:2]


def sends_token() -> bool:
    """A mirror is somebody else's machine: it gets no token unless the user allows it."""
    return not is_mirror() or os.environ.get("PREP_TOKEN_TO_MIRROR") == "1"


def check_endpoint() -> None:
    """Raises UsageError for a mirror without a valid address: with some values the client cannot even be imported."""
    if not _split(endpoint()).hostname:
        raise UsageError("HF_ENDPOINT is not a valid address", hint="write it as https://mirror.example, or unset it")


def hub_cache() -> Path:
    """The client's own cache. Raises StoppedError when there is no home folder, UsageError like check_endpoint."""
    check_endpoint()
    from huggingface_hub import constants

    return at_home(constants.HF_HUB_CACHE)


def hub_offline() -> bool:
    """HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE, as the client reads them; then the release page is not used either.

    Raises UsageError like check_endpoint.
    """
    check_endpoint()
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def token_source() -> str | None:
    """Where the client finds a token; the token itself is not read.

    Not with its get_token, which may use the network, and shows a mirror the token of a browser login.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name, "").strip():
            return name
    try:
        check_endpoint()
        from huggingface_hub import constants

        return "the login file" if Path(constants.HF_TOKEN_PATH).stat().st_size else None
    except (OSError, PrepError):
        return None


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # an invalid host, such as http://[
        return SplitResult("", "", address, "", "")


def resolve_url(file: ModelFile) -> str:
    return f"{endpoint()}/{file.repo}/resolve/main/{file.name}"


def from_hub(spec: ModelSpec, file: ModelFile, again: bool) -> Path:
    """Download into huggingface_hub's own cache. again: even if it is there.

    Raises StoppedError for a gate and for what the hub does not have, NetworkError, NoRoomError; UsageError for a
    mirror without a valid address.
    """
    check_endpoint()
    from huggingface_hub import hf_hub_download

    check_room(file.name, hub_cache(), file.megabytes * 10**6)
    try:
        with without_its_log():
            path = hf_hub_download(
                file.repo,
                file.name,
                cache_dir=hub_cache(),
                endpoint=endpoint(),
                token=None if sends_token() else False,
                force_download=again,
                etag_timeout=ANSWER_SECONDS,
            )
    except Exception as error:  # its transports' errors share no base class across versions
        # With force_download, the client wraps the real error in a ValueError.
        raise _explained(spec, file, error.__cause__ if isinstance(error, ValueError) else error) from None
    return Path(path)


@contextlib.contextmanager
def without_its_log() -> Iterator[None]:
    """The client logs each retry with the full address."""
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _explained(spec: ModelSpec, file: ModelFile, error: BaseException | None) -> StoppedError:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    token = f"your token is read from {token_source()}" if token_source() else "log in with `hf auth login`"
    if not sends_token():
        token = f"{hub_name()} is a mirror and gets no token unless PREP_TOKEN_TO_MIRROR=1 is set"
    gate = f"accept the licence at {spec.page}; {token}"
    if spec.gated:
        gate += "; sd35-large-fp8 needs neither"
    if isinstance(error, GatedRepoError):
        return StoppedError(f"{spec.name} is behind a licence that you have to accept ({spec.licence})", hint=gate)
    if isinstance(error, RepositoryNotFoundError):  # also the hub's answer for a gated repo without a token
        return StoppedError(
            f"{hub_name()} has no repo {file.repo} that this login can see", hint=gate if spec.gated else by_hand(spec)
        )
    if isinstance(error, LocalEntryNotFoundError):
        return NetworkError(f"{hub_name()} does not answer for {spec.name}", hint=by_hand(spec))
    if isinstance(error, EntryNotFoundError):
        return StoppedError(f"{file.repo} no longer has {file.name}", hint=by_hand(spec))
    if isinstance(error, OSError) and error.errno:
        return cannot_write(standing(hub_cache()) / file.name, error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    what = f"it answered {status}" if status else type(error).__name__
    return NetworkError(f"{spec.name} could not be fetched from {hub_name()}: {what}", hint=by_hand(spec))
