"""A small Hugging Face Hub for datasets, on loopback: what huggingface_hub and datasets ask, and faults when told to.

python -m tests.hub_server FOLDER      # serves until killed; prints its address; keeps large files in FOLDER
"""

import base64
import contextlib
import hashlib
import json
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOKEN, READER = "hf_canaryWriteCanary", "hf_canaryReadCanary"  # what the hub of the tests takes
CHUNK = 1 << 20


@dataclass
class Repo:
    private: bool
    commits: list[tuple[str, dict[str, tuple[str, str]]]] = field(default_factory=list)  # sha, path -> (lfs, oid)

    def commit(self, files: dict[str, tuple[str, str]]) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits.append((sha, files))
        return sha

    def at(self, revision: str) -> tuple[str, dict[str, tuple[str, str]]] | None:
        return (
            self.commits[-1]
            if revision == "main"
            else next((each for each in self.commits if each[0] == revision), None)
        )


@dataclass
class Fault:
    """What becomes of the next `times` requests that match.

    A status; "cut" (half of it is read), "drop" (read, not done) or "lose" (done, no answer); or a function that is
    called before the request is answered as ever.
    """

    pattern: str
    kind: int | str | Callable[[], None]
    times: int


class Hub:
    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, ""
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}  # git's sha1 -> content of small files
        self.asked: list[str] = []  # "METHOD path", in order
        self.crossed: list[bytes] | None = []  # heads and bodies of requests; None: not kept
        self.shown: list[tuple[str, str | None]] = []  # "METHOD path", Authorization
        self.faults: list[Fault] = []
        self.errors: list[dict] = []  # what is wrong with the YAML of any card
        self.regular = False  # parquet files are kept by git itself
        self.dies_after: int | None = None  # requests, of all that were ever asked
        self.create_as: bool | None = None  # the visibility that a new repo gets, whatever is asked

    def fail(self, pattern: str, kind: int | str | Callable[[], None], times: int = 1) -> None:
        self.faults.append(Fault(pattern, kind, times))

    def fault(self, line: str) -> int | str | None:
        if self.dies_after is not None and len(self.asked) > self.dies_after:
            return "drop"
        for fault in self.faults:
            if fault.times and re.search(fault.pattern, line):
                fault.times -= 1
                return fault.kind() if callable(fault.kind) else fault.kind
        return None

    def repo(self, name: str, private: bool = True, **files: str) -> Repo:
        """Make one, with small text files in it."""
        repo = self.repos[name] = Repo(private)
        repo.commit({path: ("", self.keep(text.encode())) for path, text in {".gitattributes": "*", **files}.items()})
        return repo

    def keep(self, data: bytes) -> str:
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.blobs[oid] = data
        return oid

    def size(self, lfs: str, oid: str) -> int:
        return (self.folder / oid).stat().st_size if lfs else len(self.blobs[oid])

    def read(self, name: str, path: str) -> bytes:
        lfs, oid = self.repos[name].commits[-1][1][path]
        return (self.folder / oid).read_bytes() if lfs else self.blobs[oid]

    def files(self, name: str) -> list[str]:
        return sorted(self.repos[name].commits[-1][1])

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in self.asked)


@contextlib.contextmanager
def served_hub(folder: Path) -> Iterator[Hub]:
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = CHUNK, True  # else each answer waits 40 ms for its second packet

        def handle_one(self) -> None:
            self.path, line = unquote(urlsplit(self.path).path), f"{self.command} {unquote(self.path)}"
            hub.asked.append(line)
            hub.shown.append((line, self.headers.get("Authorization")))
            fault = hub.fault(line)
            if fault == "cut":
                self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
                self.close_connection = True
                return
            body = self._body()
            if hub.crossed is not None:
                hub.crossed.append(f"{line}\n{self.headers}".encode() + body)
            if fault == "drop":
                self.close_connection = True
                return
            try:
                if isinstance(fault, int):
                    raise _Refused(fault)
                status, headers, answer = self._answer(body)
            except _Refused as refused:
                status, answer = refused.status, json.dumps({"error": refused.message}).encode()
                headers = {"X-Error-Code": refused.code} if refused.code else {}
            if fault == "lose":
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in ({"Content-Length": len(answer)} | headers).items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_HEAD = do_POST = do_PUT = handle_one  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

        def _body(self) -> bytes:
            if self.command == "PUT":
                return self._receive()
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                return b"".join(iter(self._chunk, b""))
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            return data

        def _receive(self) -> bytes:
            """A large file, straight to disk; there only when it is whole and what it says it is."""
            chunks, left = [], int(self.headers.get("Content-Length", 0))
            digest = hashlib.sha256()
            with tempfile.NamedTemporaryFile(dir=hub.folder, delete=False) as file:
                while left and (data := self.rfile.read(min(CHUNK, left))):
                    left -= len(data)
                    digest.update(data)
                    file.write(data)
                    if hub.crossed is not None:
                        chunks.append(data)
            self.put = (Path(file.name), digest.hexdigest(), left)
            return b"".join(chunks)

        def _who(self) -> str | None:
            return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

        def _answer(self, body: bytes) -> tuple[int, dict, bytes]:
            for method, pattern, answer in ROUTES:
                found = re.fullmatch(pattern, self.path)
                if found and self.command in method.split():
                    return answer(self, body, **found.groupdict())
            raise _Refused(404)

        def _json(self, value: object, status: int = 200, **headers: str) -> tuple[int, dict, bytes]:
            return status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()

        def _repo(self, name: str, write: bool = False) -> Repo:
            repo = hub.repos.get(name)
            if self._who() not in (None, TOKEN, READER):
                raise _Refused(401)
            if repo is None or repo.private and self._who() is None:
                raise _Refused(404 if self._who() else 401, "RepoNotFound")
            if write and self._who() != TOKEN:
                raise _Refused(403)
            return repo

        def _files(self, name: str, rev: str) -> tuple[str, dict[str, tuple[str, str]]]:
            found = self._repo(name).at(rev)
            if found is None:
                raise _Refused(404, "RevisionNotFound")
            return found

        def _entry(self, path: str, lfs: str, oid: str) -> dict:
            size = hub.size(lfs, oid)
            entry = {"type": "file", "path": path, "oid": oid[:40], "size": size}
            return entry | ({"lfs": {"oid": oid, "size": size, "pointerSize": 130}} if lfs else {})

        def whoami(self, body: bytes):
            if self._who() not in (TOKEN, READER):
                raise _Refused(401)
            role = "write" if self._who() == TOKEN else "read"
            token = {"displayName": "t", "role": role}
            return self._json(
                {"type": "user", "name": "me", "orgs": [], "auth": {"type": "access_token", "accessToken": token}}
            )

        def create(self, body: bytes):
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            if self._who() != TOKEN or not name.startswith("me/"):
                raise _Refused(403)
            url = {"url": f"{hub.url}/datasets/{name}"}
            if name in hub.repos:
                return self._json(url, 409)
            private = asked.get("visibility", "public") == "private"
            hub.repo(name, private if hub.create_as is None else hub.create_as)
            return self._json(url)

        def validate(self, body: bytes):
            return self._json({"errors": hub.errors, "warnings": []}, 400 if hub.errors else 200)

        def info(self, body: bytes, name: str, rev: str | None = None):
            sha, files = self._files(name, rev or "main")
            private = hub.repos[name].private
            siblings = [{"rfilename": path} for path in sorted(files)]
            return self._json(
                {"id": name, "sha": sha, "private": private, "siblings": siblings, "tags": [], "downloads": 0}
            )

        def preupload(self, body: bytes, name: str, rev: str):
            files = self._repo(name, write=True).at(rev)[1]
            asked = json.loads(body)["files"]
            if len(asked) > 256:
                raise _Refused(413)
            told = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(".parquet") and not hub.regular else "regular",
                    "shouldIgnore": False,
                    "oid": files.get(each["path"], ("", None))[1],
                }
                for each in asked
            ]
            return self._json({"files": told})

        def batch(self, body: bytes, name: str):
            self._repo(name, write=True)
            told = []
            for each in json.loads(body)["objects"]:
                put, verify = f"{hub.url}/lfs/{each['oid']}", f"{hub.url}/api/verify"
                there = (hub.folder / each["oid"]).exists()
                told.append(
                    each if there else each | {"actions": {"upload": {"href": put}, "verify": {"href": verify}}}
                )
            return self._json({"transfer": "basic", "objects": told})

        def store(self, body: bytes, oid: str):
            path, digest, left = self.put
            if left or digest != oid:
                path.unlink()
                raise _Refused(400)
            path.rename(hub.folder / oid)
            return 200, {}, b""

        def verify(self, body: bytes):
            if not (hub.folder / json.loads(body)["oid"]).exists():
                raise _Refused(404)
            return self._json({})

        def commit(self, body: bytes, name: str, rev: str):
            repo = self._repo(name, write=True)
            sha, files = repo.at(rev)
            files = dict(files)
            for line in map(json.loads, body.splitlines()):
                key, value = line["key"], line["value"]
                if key == "header" and value.get("parentCommit", sha) != sha:
                    raise _Refused(412, message="A commit has happened since")
                if key == "file":
                    files[value["path"]] = ("", hub.keep(base64.b64decode(value["content"])))
                elif key == "lfsFile":
                    if not (hub.folder / value["oid"]).exists():
                        raise _Refused(400, message="no such object")
                    files[value["path"]] = ("lfs", value["oid"])
                elif key == "deletedFile":
                    del files[value["path"]]
            made = repo.commit(files)
            return self._json({"commitOid": made, "commitUrl": f"{hub.url}/datasets/{name}/commit/{made}"})

        def tree(self, body: bytes, name: str, rev: str, under: str | None = None):
            _, files = self._files(name, rev)
            under = (under or "").strip("/")
            found = {path: each for path, each in files.items() if not under or path.startswith(f"{under}/")}
            if under and not found:
                raise _Refused(404, "EntryNotFound")
            folders = sorted({path.rpartition("/")[0] for path in found if path.removeprefix(f"{under}/").count("/")})
            told = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]
            return self._json(told + [self._entry(path, *each) for path, each in sorted(found.items())])

        def paths_info(self, body: bytes, name: str, rev: str):
            _, files = self._files(name, rev)
            asked = json.loads(body)["paths"]
            folders = [path for path in asked if any(file.startswith(f"{path}/") for file in files)]
            told = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]
            return self._json(told + [self._entry(path, *files[path]) for path in asked if path in files])

        def resolve(self, body: bytes, name: str, rev: str, path: str):
            sha, files = self._files(name, rev)
            if path not in files:
                raise _Refused(404, "EntryNotFound")
            lfs, oid = files[path]
            data = (hub.folder / oid).read_bytes() if lfs else hub.blobs[oid]
            headers = {"X-Repo-Commit": sha, "ETag": f'"{oid}"', "Accept-Ranges": "bytes"}
            if lfs:
                headers |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": len(data)}
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not asked:
                return 200, headers, data
            first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
            return 206, headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}"}, data[first : last + 1]

    named = r"/api/datasets/(?P<name>[^/]+/[^/]+)"
    ROUTES = (  # noqa: N806
        ("GET", r"/api/whoami-v2", Handler.whoami),
        ("POST", r"/api/repos/create", Handler.create),
        ("POST", r"/api/validate-yaml", Handler.validate),
        ("POST", r"/api/verify", Handler.verify),
        ("GET", named + r"(?:/revision/(?P<rev>[^/]+))?", Handler.info),
        ("POST", named + r"/preupload/(?P<rev>[^/]+)", Handler.preupload),
        ("POST", named + r"/commit/(?P<rev>[^/]+)", Handler.commit),
        ("POST", named + r"/paths-info/(?P<rev>[^/]+)", Handler.paths_info),
        ("GET", named + r"/tree/(?P<rev>[^/]+)(?P<under>/.*)?", Handler.tree),
        ("POST", r"/datasets/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Handler.batch),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", Handler.store),
        ("GET HEAD", r"/datasets/(?P<name>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)", Handler.resolve),
    )
    return Handler


if __name__ == "__main__":
    with served_hub(Path(sys.argv[1])) as serving:
        serving.crossed = None
        print(serving.url, flush=True)
        threading.Event().wait()
