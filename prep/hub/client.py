"""A dataset repo on the hub, through huggingface_hub: calls that fail for a moment are retried.

The client reads HF_ENDPOINT and HF_HUB_DISABLE_XET when it is imported, so it is imported inside functions only.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prep.errors import PrepError, StoppedError
from prep.hub.access import page_address, read_token
from prep.hub.failures import explain, is_theirs, passes, status
from prep.models.hub import endpoint, without_its_log
from prep.process.signals import check_not_interrupted
from prep.remote import retrying

T = TypeVar("T")
TRIES = 5
FIRST_TRIES = 3  # nothing has begun yet: without a network, the error comes within seconds
TIMEOUT_SECONDS = 60.0  # to connect, and between bytes; the client's own default is to wait forever
THREADS = 4
PATHS_A_REQUEST = 256  # the hub's own limit


class CompareAgain(Exception):  # noqa: N818 - not a failure yet: the repo has changed, or may have
    """The repo has to be compared again. last: the error to raise if this was the last try."""

    def __init__(self, last: PrepError) -> None:
        super().__init__(str(last))
        self.last = last


@dataclass(frozen=True)
class State:
    """The repo at one commit."""

    sha: str
    private: bool
    files: dict[str, str]  # path -> sha256 of an LFS file, git's sha1 of another
    card: str | None


class Repo:
    def __init__(self, name: str, token_source: str) -> None:
        from huggingface_hub import HfApi, get_session, set_client_factory
        from huggingface_hub.utils import disable_progress_bars

        # The same client that huggingface_hub makes, with a time-out.
        kind, hooks = type(get_session()), get_session().event_hooks
        set_client_factory(lambda: kind(event_hooks=hooks, follow_redirects=True, timeout=TIMEOUT_SECONDS))
        disable_progress_bars()  # prep shows one bar over all files
        self.name, self.token_source, self.address = name, token_source, page_address(name)
        self.token = read_token(token_source)
        self.api = HfApi(endpoint=endpoint(), token=self.token)

    def check_token(self) -> None:
        """Raises StoppedError for a token that is invalid or read-only."""
        who = self._call(self.api.whoami, "the token", FIRST_TRIES)
        role = ((who.get("auth") or {}).get("accessToken") or {}).get("role")
        if role == "read":
            raise StoppedError(
                f"the token from {self.token_source} is read-only",
                hint="create a token with write access, and use that",
            )

    def state(self) -> State | None:
        """None when the repo does not exist, or this token may not see it."""
        return self._call(self._state, "the repo")

    def _state(self) -> State | None:
        from huggingface_hub.errors import RepositoryNotFoundError

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
            card = _text(self._request("GET", f"datasets/{self.name}/resolve/{info.sha}/README.md").content)
        return State(info.sha, bool(info.private), files, card)

    def create(self, private: bool) -> None:
        make = self.api.create_repo
        self._call(lambda: make(self.name, repo_type="dataset", private=private, exist_ok=True), "the new repo")

    def check_not_ignored(self, paths: list[str], state: State) -> None:
        """Raises StoppedError for a path that the repo's .gitignore matches: a commit would leave it out silently."""
        if not any(name.split("/")[-1] == ".gitignore" for name in state.files):
            return
        for at in range(0, len(paths), PATHS_A_REQUEST):
            group = paths[at : at + PATHS_A_REQUEST]
            if self._call(lambda group=group: self._ignores(group), "the .gitignore"):
                raise StoppedError("the repo's .gitignore excludes parquet files", hint="remove that line from it")

    def _ignores(self, paths: list[str]) -> bool:
        files = [{"path": path, "size": 0, "sample": ""} for path in paths]
        answer = self._request("POST", f"api/datasets/{self.name}/preupload/main", json={"files": files})
        return any(file.get("shouldIgnore") for file in answer.json().get("files", ()))

    def send(self, additions: list[Any]) -> None:
        """Upload LFS files, a group at a time; the hub says which ones it already has."""
        for at in range(0, len(additions), THREADS):
            group = additions[at : at + THREADS]
            self._call(
                lambda group=group: self.api.preupload_lfs_files(
                    self.name, group, repo_type="dataset", revision="main", free_memory=False, num_threads=THREADS
                ),
                "a file",
            )

    def commit(self, operations: list[Any], message: str, parent: str) -> str:
        """One commit on top of parent -> its id. Raises CompareAgain for a lost answer, and for an old parent."""
        from huggingface_hub.errors import HfHubHTTPError

        try:
            with without_its_log():
                return self.api.create_commit(
                    self.name, operations, commit_message=message, repo_type="dataset", revision="main",
                    parent_commit=parent,
                ).oid  # fmt: skip
        except Exception as error:
            if not is_theirs(error):
                raise
            stale = isinstance(error, HfHubHTTPError) and status(error) in (409, 412)
            failure = explain(error, "the commit", self.name, self.token_source)
            raise (CompareAgain(failure) if stale or passes(error) else failure) from None

    def _call(self, call: Callable[[], T], what: str, tries: int = TRIES) -> T:
        """The call's result; retried after an error that may pass."""
        try:
            with without_its_log():
                return retrying(tries, passes)(call)
        except Exception as error:  # the transports' errors share no base class across versions
            if isinstance(error, PrepError) or not is_theirs(error):
                raise
            raise explain(error, what, self.name, self.token_source) from None

    def _request(self, method: str, path: str, **more: Any) -> Any:
        """One request that HfApi has no method for -> the client's response."""
        from huggingface_hub import get_session
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        headers = build_hf_headers(token=self.token)
        answer = get_session().request(method, f"{endpoint()}/{path}", headers=headers, **more)
        hf_raise_for_status(answer)
        return answer


def addition(path_in_repo: str, content: Path | bytes, sha256: str | None, progress: Callable[[int], None]) -> Any:
    """A file of a commit. sha256: where it is known already. progress: gets the bytes of each read."""
    from huggingface_hub import CommitOperationAdd

    class Counted(CommitOperationAdd):
        @contextlib.contextmanager
        def as_file(self, with_tqdm: bool = False) -> Iterator[Any]:
            if not with_tqdm or isinstance(self.path_or_fileobj, bytes):
                with super().as_file() as file:
                    yield file
                return
            with _CountedFile(self.path_or_fileobj, progress) as file:
                yield file

    made = Counted(path_in_repo, content)
    if sha256:
        made.upload_info.sha256 = bytes.fromhex(sha256)
    return made


class _CountedFile(io.FileIO):
    def __init__(self, path: str, progress: Callable[[int], None]) -> None:
        super().__init__(path)
        self.progress = progress

    def read(self, size: int | None = -1) -> bytes:
        check_not_interrupted()  # the client waits for its threads, which no signal reaches
        data = super().read(-1 if size is None else size)
        self.progress(len(data))
        return data


def _text(card: bytes) -> str:
    try:
        return card.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StoppedError(
            "the README.md on the hub is not UTF-8", hint="correct it on the hub, then push again"
        ) from None
