"""A dataset repo on the hub, through huggingface_hub: tried again where that helps, and each error as one sentence.

No text of the client's is passed on: it may hold the address of a mirror with a password in it. The client reads
HF_ENDPOINT and HF_HUB_DISABLE_XET when it is imported, so it is imported inside functions only.
"""

import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from prep.errors import NetworkError, PrepError, StoppedError, UsageError
from prep.models.fetch import hub_offline
from prep.models.hub import endpoint, hub_name, sends_token, token_source, without_its_log

T = TypeVar("T")
TRIES = 5
FIRST_TRIES = 3  # nothing is begun yet: who has no network need not wait long to hear so
PAUSE_SECONDS = 1.0  # doubles with each try
TIMEOUT_SECONDS = 60.0  # to connect, and between bytes; the client's own default is to wait for ever
BUSY = (408, 425, 429)  # as 5xx: worth another try
TRANSPORTS = ("httpx", "httpcore", "requests", "urllib3")  # the client's, by its version
THREADS = 4
PATHS_A_REQUEST = 256  # the hub's own limit


class Again(Exception):  # noqa: N818 - no error: the repo is not as it was, or nobody knows
    """Look at the repo again. last: the sentence, should that have been the last try."""

    def __init__(self, last: StoppedError) -> None:
        super().__init__(str(last))
        self.last = last


@dataclass(frozen=True)
class State:
    """The repo at one commit."""

    sha: str
    private: bool
    files: dict[str, str]  # path -> sha256 of an LFS file, git's sha1 of another
    card: str | None


def check_may_send(repo: str) -> str:
    """-> where the token comes from. Raises before anything is asked."""
    if hub_name() == "HF_ENDPOINT":  # huggingface_hub would not even import
        raise UsageError("HF_ENDPOINT is no address", hint="write it as https://mirror.example, or unset it")
    if hub_offline():
        raise StoppedError("nothing is pushed: HF_HUB_OFFLINE is set", hint="unset it to push")
    if not sends_token():
        raise StoppedError(
            f"{hub_name()} is a mirror and gets no token, and a push needs one",
            hint="PREP_TOKEN_TO_MIRROR=1 sends it all the same",
        )
    source = token_source()
    if source is None:
        raise StoppedError(
            "a push needs a token, and there is none", hint="`hf auth login` keeps yours, or set HF_TOKEN"
        )
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # plain LFS: its time-outs and retries are ours to know
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing of this machine is anybody's business
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        raise UsageError(f"{repo!r} is no name of a repo", hint="write it as user/name, in A-Z a-z 0-9 - _ .") from None
    if repo.count("/") != 1:
        raise UsageError(f"{repo} does not say whose repo it is", hint=f"write it as user/{repo}")
    return source


class Repo:
    def __init__(self, name: str, source: str) -> None:
        from huggingface_hub import HfApi, get_session, set_client_factory
        from huggingface_hub.utils import disable_progress_bars

        # The client that huggingface_hub makes itself, but with a time-out.
        kind, hooks = type(get_session()), get_session().event_hooks
        set_client_factory(lambda: kind(event_hooks=hooks, follow_redirects=True, timeout=TIMEOUT_SECONDS))
        disable_progress_bars()  # one bar over all files is ours
        self.name, self.source, self.address = name, source, _address(name)
        self.token = _token(source)
        self.api = HfApi(endpoint=endpoint(), token=self.token)

    def check_token(self) -> None:
        """Raises StoppedError for a token that is not valid or may only read."""
        who = self._asked(self.api.whoami, "the token", FIRST_TRIES)
        role = ((who.get("auth") or {}).get("accessToken") or {}).get("role")
        if role == "read":
            raise StoppedError(
                f"the token from {self.source} may only read", hint="make one that may write, and use it"
            )

    def state(self) -> State | None:
        """None where there is no such repo, or none that this token may see."""
        from huggingface_hub.errors import RepositoryNotFoundError
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        def told() -> State | None:
            try:
                info = self.api.repo_info(self.name, repo_type="dataset", revision="main")
            except RepositoryNotFoundError as error:
                if getattr(error.response, "status_code", 404) == 401:
                    raise
                return None
            tree = self.api.list_repo_tree(self.name, repo_type="dataset", revision=info.sha, recursive=True)
            files = {each.path: each.lfs.sha256 if each.lfs else each.blob_id for each in tree if hasattr(each, "lfs")}
            card = None
            if "README.md" in files:
                url = f"{endpoint()}/datasets/{self.name}/resolve/{info.sha}/README.md"
                answer = get_session().get(url, headers=build_hf_headers(token=self.token))
                hf_raise_for_status(answer)
                card = _text(answer.content)
            return State(info.sha, bool(info.private), files, card)

        return self._asked(told, "the repo")

    def create(self, private: bool) -> None:
        make = self.api.create_repo
        self._asked(lambda: make(self.name, repo_type="dataset", private=private, exist_ok=True), "the new repo")

    def send(self, additions: list[Any]) -> None:
        """Bytes of LFS files, a group at a time; those that the hub has already are not sent."""
        with without_its_log():
            for at in range(0, len(additions), THREADS):
                group = additions[at : at + THREADS]
                self._asked(
                    lambda group=group: self.api.preupload_lfs_files(
                        self.name, group, repo_type="dataset", revision="main", free_memory=False, num_threads=THREADS
                    ),
                    "a file",
                )

    def check_not_ignored(self, paths: list[str], state: State) -> None:
        """Raises StoppedError for a path that the repo's .gitignore names: a commit would leave it out silently."""
        if not any(name.split("/")[-1] == ".gitignore" for name in state.files):
            return
        from huggingface_hub import get_session
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        def is_ignored(group: list[str]) -> bool:
            files = [{"path": path, "size": 0, "sample": ""} for path in group]
            url = f"{endpoint()}/api/datasets/{self.name}/preupload/main"
            answer = get_session().post(url, json={"files": files}, headers=build_hf_headers(token=self.token))
            hf_raise_for_status(answer)
            return any(file.get("shouldIgnore") for file in answer.json().get("files", ()))

        for at in range(0, len(paths), PATHS_A_REQUEST):
            group = paths[at : at + PATHS_A_REQUEST]
            if self._asked(lambda group=group: is_ignored(group), "the .gitignore"):
                raise StoppedError(
                    "the .gitignore of the repo leaves out parquet files", hint="take that line out of it"
                )

    def commit(self, operations: list[Any], message: str, parent: str) -> str:
        """One commit on top of parent -> its id. Raises Again when the answer is lost or parent is not the last."""
        from huggingface_hub.errors import HfHubHTTPError

        try:
            with without_its_log():
                return self.api.create_commit(
                    self.name, operations, commit_message=message, repo_type="dataset", revision="main",
                    parent_commit=parent,
                ).oid  # fmt: skip
        except Exception as error:
            if not _is_theirs(error):
                raise
            status = _status(error)
            stale = isinstance(error, HfHubHTTPError) and status in (409, 412)
            if stale or _passes(error):
                raise Again(self._told(error, "the commit")) from None
            raise self._told(error, "the commit") from None

    def _asked(self, call: Callable[[], T], what: str, tries: int = TRIES) -> T:
        """The call's result; tried again after what passes."""
        for attempt in range(tries):
            try:
                with without_its_log():
                    return call()
            except PrepError:
                raise
            except Exception as error:  # the transports' errors have no base in common from one version to the next
                if not _is_theirs(error):
                    raise
                if attempt == tries - 1 or not _passes(error):
                    raise self._told(error, what) from None
            time.sleep(PAUSE_SECONDS * 2**attempt)
        raise AssertionError

    def _told(self, error: BaseException, what: str) -> PrepError:
        error = _inner(error)
        status, host = _status(error), hub_name()
        if isinstance(error, PrepError):
            return error
        if type(error).__name__ == "OfflineModeIsEnabled":  # TRANSFORMERS_OFFLINE, which the client heeds as well
            return StoppedError(
                "nothing is pushed: the client is told to stay offline", hint="unset TRANSFORMERS_OFFLINE"
            )
        if status == 401:
            return StoppedError(
                f"{host} does not take the token from {self.source}",
                hint="`hf auth login` takes a new one",
            )
        if status == 403:
            return StoppedError(
                f"the token from {self.source} has no right to write to {self.name}",
                hint="see whose repo it is, and that the token may write to it",
            )
        if status == 404:
            return StoppedError(f"{host} shows no dataset {self.name}", hint="see that its name is right")
        if status == 429:
            return NetworkError(f"{host} is asked too often", hint="wait an hour, and push again")
        if status:
            return NetworkError(
                f"{host} answers {status} for {what}", hint="push again later; what has arrived stays there"
            )
        if isinstance(error, ValueError) and str(error).startswith("Invalid metadata"):
            said = " ".join(str(error).split("\n")[1:])[:200].strip(" -")
            return StoppedError(
                f"{host} does not take the card: {said}", hint="mend its README.md there, then push again"
            )
        if isinstance(error, ValueError):
            return NetworkError(f"{host} gives an answer for {what} that makes no sense", hint="is HF_ENDPOINT a hub?")
        told = "breaks the connection" if "Connect" not in type(error).__name__ else "does not answer"
        return NetworkError(f"{host} {told} ({type(error).__name__})", hint="push again; what has arrived stays there")


def addition(path_in_repo: str, content: Path | bytes, sha256: str | None, progress: Callable[[int], None]) -> Any:
    """What the client sends: with the hash that we know already, and counted as it is read."""
    from huggingface_hub import CommitOperationAdd

    class Counted(CommitOperationAdd):
        @contextlib.contextmanager
        def as_file(self, with_tqdm: bool = False) -> Iterator[Any]:
            if not with_tqdm or isinstance(self.path_or_fileobj, bytes):
                with super().as_file() as file:
                    yield file
                return
            with _Counting(self.path_or_fileobj, progress) as file:
                yield file

    made = Counted(path_in_repo, content)
    if sha256:
        made.upload_info.sha256 = bytes.fromhex(sha256)
    return made


class _Counting(io.FileIO):
    def __init__(self, path: str, progress: Callable[[int], None]) -> None:
        super().__init__(path)
        self.progress = progress

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(-1 if size is None else size)
        self.progress(len(data))
        return data


def _address(name: str) -> str:
    """Of the repo's page, without the password that a mirror's address may hold."""
    parts = urlsplit(endpoint())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}/datasets/{name}"


def _token(source: str) -> str:
    """From HF_TOKEN or the login file, and from nowhere else."""
    if source != "the login file":
        return os.environ[source].strip()
    if not os.environ.get("HF_OIDC_RESOURCE"):
        from huggingface_hub import get_token  # renews what a login by browser left, before it runs out

        if token := get_token():
            return token
    from huggingface_hub.constants import HF_TOKEN_PATH

    return Path(HF_TOKEN_PATH).read_text().strip()


def _passes(error: BaseException) -> bool:
    error = _inner(error)
    status = _status(error)
    if status:
        return status >= 500 or status in BUSY
    if type(error).__name__ == "OfflineModeIsEnabled":
        return False
    told = isinstance(error, (ConnectionError, TimeoutError, json.JSONDecodeError))  # the last: a gateway's own page
    return told or type(error).__module__.startswith(TRANSPORTS)


def _text(card: bytes) -> str:
    try:
        return card.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StoppedError("the README.md on the hub is not UTF-8", hint="mend it there, then push again") from None


def _is_theirs(error: BaseException) -> bool:
    """Told by the hub, or by the way there; all else is a mistake of ours, and is not hidden."""
    return _passes(error) or _status(error) is not None or isinstance(_inner(error), (OSError, ValueError, PrepError))


def _inner(error: BaseException) -> BaseException:
    """What happened, where the client hides it behind an error of its threads."""
    while isinstance(error, RuntimeError) and error.__cause__:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    return getattr(getattr(_inner(error), "response", None), "status_code", None)
