"""Download a file over HTTP, resuming where it was cut off; it gets its name only when it is complete."""

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prep.errors import NetworkError, NoRoomError, StoppedError
from prep.files import cannot_write
from prep.models.published import by_hand, check_download
from prep.process.lock import locked
from prep.registry import ModelFile, ModelSpec

if TYPE_CHECKING:
    from requests import Response

TRIES = 5
PAUSE_SECONDS = 1.0  # doubles with each try
TIMEOUT_SECONDS = (10, 60)  # to connect, between bytes
CHUNK_BYTES = 1 << 20
SIZE_TOLERANCE = 0.05  # published sizes are rounded; a login page instead of the file is 99 % off
BUSY = (408, 425, 429)  # like 5xx: worth another try


class _CutOffError(Exception):
    """The connection ended, or the answer made no sense, before the file was complete."""


def download(spec: ModelSpec, file: ModelFile, target: Path) -> str:
    """Fetch file.url to target -> its sha256. What has arrived stays in a .part file, which the next call resumes.

    Raises NetworkError, NoRoomError, StoppedError (not the published file, cannot be written, another process is at
    it).
    """
    import requests

    last = "no answer"
    with _writing(target), locked(target.with_suffix(".lock")):
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                return _once(spec, file, target)
            except requests.HTTPError as error:
                status = error.response.status_code
                last = f"the server answered {status}"
                if status < 500 and status not in BUSY:
                    break
            except requests.Timeout:
                last = "the server does not answer"
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                last = "there is no connection, or it was lost"
            except _CutOffError as error:
                last = str(error)
            except requests.RequestException as error:
                last = type(error).__name__
                break
    raise NetworkError(f"{spec.name} could not be fetched from {file.url}: {last}", hint=by_hand(spec))


def check_room(name: str, folder: Path, needed: int) -> None:
    """Raises NoRoomError when the disk of folder (or of where it will be) has less than needed bytes free."""
    free = shutil.disk_usage(standing(folder)).free
    if free < needed:
        raise NoRoomError(
            f"{name} needs {needed / 1e9:.2f} GB, but only {free / 1e9:.2f} GB is free in {folder}",
            hint="free some space, or set PREP_CACHE (HF_HOME for files from the hub) to a folder with more",
        )


def standing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def part_of(target: Path) -> Path:
    return target.with_suffix(".part")


def _once(spec: ModelSpec, file: ModelFile, target: Path) -> str:
    """One request: from the end of the part, if the server still has the same file."""
    import requests

    part, tag = part_of(target), target.with_suffix(".etag")
    have = part.stat().st_size if part.is_file() and tag.is_file() else 0
    # With compression, Content-Length would not be the file's.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text()}
    with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status_code == 416:  # the part is as long as the file, or longer: it cannot be trusted
            _forget(part, tag)
            raise _CutOffError("the part did not fit")
        answer.raise_for_status()
        if answer.status_code == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            _forget(part, tag)
            raise _CutOffError("the server sent a different range than requested")
        if answer.status_code != 206:
            _forget(part, tag)
            have = 0
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        _check_size(spec, file, total or file.megabytes * 10**6)
        check_room(target.name, target.parent, (total or file.megabytes * 10**6) - have)
        # Without a strong ETag for this version, a part cannot be resumed.
        if (etag := answer.headers.get("ETag", "")).startswith('"'):
            tag.write_text(etag)
        digest = _receive(answer, part, total)
    arrived = part.stat().st_size
    if total and arrived != total:
        raise _CutOffError(f"{arrived:,} of {total:,} bytes arrived")
    _check_size(spec, file, arrived)
    try:
        check_download(spec, file, digest)
    except StoppedError:
        _forget(part, tag)
        raise
    part.replace(target)
    tag.unlink(missing_ok=True)
    return digest


def _receive(answer: "Response", part: Path, total: int | None) -> str:
    """Append what arrives to the part -> sha256 of the whole file."""
    from tqdm import tqdm

    hashed = hashlib.sha256()
    with part.open("a+b") as file:
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            hashed.update(chunk)
        # A bar on a terminal; elsewhere the caller's line before it is enough.
        quiet = not sys.stderr.isatty()
        with tqdm(total=total, initial=file.tell(), unit="B", unit_scale=True, desc=part.stem, disable=quiet) as bar:
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
                hashed.update(chunk)
                bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())  # otherwise a power cut may leave the name without the content
    return hashed.hexdigest()


def _forget(part: Path, tag: Path) -> None:
    # The part first: an old part beside a new tag would look like the beginning of the new file.
    part.unlink(missing_ok=True)
    tag.unlink(missing_ok=True)


def _check_size(spec: ModelSpec, file: ModelFile, size: int) -> None:
    if abs(size / (file.megabytes * 10**6) - 1) > SIZE_TOLERANCE:
        raise NetworkError(
            f"{file.url} sent {size:,} bytes where {spec.size} are published; is it a login page?",
            hint=by_hand(spec),
        )


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn a refused write into one sentence."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise cannot_write(standing(target.parent) / target.name, error) from None
        raise StoppedError(
            f"{target.parent} cannot be written ({error.strerror or error})", hint="set PREP_CACHE to another folder"
        ) from None
