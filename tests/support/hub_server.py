"""A small Hugging Face Hub for datasets, on loopback: it answers huggingface_hub and datasets, and fails on request.

python -m tests.support.hub_server      # serves until killed; prints its address; keeps everything in memory
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN, READER = "hf_canaryWriteCanary", "hf_canaryReadCanary"  # what the hub of the tests takes
LARGE = 64  # hex digits of a large file's oid, a sha256; git's sha1 of a small one has 40
Kind = int | str | Callable[[], None]


class Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, code: str = "", **answer: object) -> None:
        self.status, self.code, self.answer = status, code, answer


@dataclass
class Repo:
    private: bool
    commits: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # (sha, path -> oid)

    @property
    def files(self) -> dict[str, str]:
        return self.commits[-1][1]

    def commit(self, files: dict[str, str]) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits.append((sha, files))
        return sha

    def at(self, revision: str) -> tuple[str, dict[str, str]]:
        found = [each for each in self.commits if revision in ("main", each[0])]
        if not found:
            raise Refused(404, "RevisionNotFound")
        return found[-1]


class Hub:
    """Its repos, the requests that came, and the faults to come."""

    def __init__(self) -> None:
        self.url = ""
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}  # oid -> content
        self.asked: list[tuple[str, str | None]] = []  # ("METHOD path", Authorization), in order
        self.crossed: list[bytes] | None = []  # heads and bodies of requests; None: not kept
        self.faults: list[tuple[str, Kind, int]] = []
        self.errors: list[dict] = []  # what is wrong with the YAML of any card
        self.regular = False  # parquet files are kept by git itself
        self.dies_after: int | None = None  # requests, of all that were ever asked
        self.create_as: bool | None = None  # the visibility that a new repo gets, whatever is asked
        self.bytes_a_second: int | None = None  # of what is sent to it; None: at once

    def fail(self, pattern: str, kind: Kind, times: int = 1) -> None:
        """Set what happens to the next `times` requests that match: a status; "cut" (half is read), "drop" (read, not
        done) or "lose" (done, no answer); or a function, called before the usual answer.
        """
        self.faults += [(pattern, kind)] * times

    def fault(self, line: str) -> Kind | None:
        if self.dies_after is not None and len(self.asked) > self.dies_after:
            return "drop"
        found = next((fault for fault in self.faults if re.search(fault[0], line)), None)
        if found is None:
            return None
        self.faults.remove(found)
        return found[1]() if callable(found[1]) else found[1]

    def repo(self, name: str, private: bool = True, **files: str) -> Repo:
        """Make one, with small text files in it."""
        repo = self.repos[name] = Repo(private)
        repo.commit({path: self.keep(text.encode()) for path, text in {".gitattributes": "*", **files}.items()})
        return repo

    def keep(self, data: bytes) -> str:
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.blobs[oid] = data
        return oid

    def read(self, name: str, path: str) -> bytes:
        return self.blobs[self.repos[name].files[path]]

    def files(self, name: str) -> list[str]:
        return sorted(self.repos[name].files)

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line, _ in self.asked)


class Handler(BaseHTTPRequestHandler):
    """An answer is bytes of a file, or a value to send as JSON."""

    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = 1 << 20, True  # else each answer waits 40 ms for its second packet
    hub: Hub

    def handle_request(self) -> None:
        self.path, line = unquote(urlsplit(self.path).path), f"{self.command} {unquote(self.path)}"
        self.hub.asked.append((line, self.headers.get("Authorization")))
        self.token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        fault = self.hub.fault(line)
        self.body = self.received(2 if fault == "cut" else 1)
        self.close_connection |= fault in ("cut", "drop", "lose")
        if fault == "cut":
            return
        if self.hub.crossed is not None:
            self.hub.crossed.append(f"{line}\n{self.headers}".encode() + self.body)
        if fault == "drop":
            return
        self.status, self.more = 200, {}
        try:
            if isinstance(fault, int):
                raise Refused(fault)
            answer = self.answer()
        except Refused as refused:
            self.status, answer = refused.status, refused.answer
            self.more = {"X-Error-Code": refused.code} if refused.code else {}
        if fault != "lose":
            self.send(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    do_GET = do_HEAD = do_POST = do_PUT = handle_request  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass

    def received(self, part: int) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            size = int(self.headers.get("Content-Length", 0)) // part
            return self.rfile.read(size) if self.hub.bytes_a_second is None else b"".join(self.slowly(size))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def slowly(self, size: int) -> Iterator[bytes]:
        while size and (data := self.rfile.read(min(size, self.hub.bytes_a_second // 20))):
            yield data
            size -= len(data)
            threading.Event().wait(0.05)  # some tests make time.sleep do nothing

    def send(self, data: bytes) -> None:
        self.send_response(self.status)
        for name, value in ({"Content-Length": len(data)} | self.more).items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def answer(self) -> object:
        for method, pattern, answer in ROUTES:
            if self.command in method.split() and (found := re.fullmatch(pattern, self.path)):
                return answer(self, **found.groupdict())
        raise Refused(404)

    def repo(self, name: str, write: bool = False) -> Repo:
        repo = self.hub.repos.get(name)
        if self.token not in (None, TOKEN, READER):
            raise Refused(401)
        if repo is None or repo.private and not self.token:
            raise Refused(404 if self.token else 401, "RepoNotFound")
        if write and self.token != TOKEN:
            raise Refused(403)
        return repo

    def entry(self, path: str, oid: str) -> dict:
        size = len(self.hub.blobs[oid])
        large = {"lfs": {"oid": oid, "size": size, "pointerSize": 130}} if len(oid) == LARGE else {}
        return {"type": "file", "path": path, "oid": oid[:40], "size": size} | large

    def whoami(self) -> dict:
        if self.token not in (TOKEN, READER):
            raise Refused(401)
        token = {"displayName": "t", "role": "write" if self.token == TOKEN else "read"}
        return {"type": "user", "name": "me", "orgs": [], "auth": {"type": "access_token", "accessToken": token}}

    def create(self) -> dict:
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if self.token != TOKEN or not name.startswith("me/"):
            raise Refused(403)
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repos:
            raise Refused(409, url=url)
        private = asked.get("visibility", "public") == "private"
        self.hub.repo(name, private if self.hub.create_as is None else self.hub.create_as)
        return {"url": url}

    def validate(self) -> dict:
        if self.hub.errors:
            raise Refused(400, errors=self.hub.errors, warnings=[])
        return {"errors": [], "warnings": []}

    def info(self, name: str, rev: str | None) -> dict:
        repo = self.repo(name)
        sha, files = repo.at(rev or "main")
        siblings = [{"rfilename": path} for path in sorted(files)]
        return {"id": name, "sha": sha, "private": repo.private, "siblings": siblings, "tags": [], "downloads": 0}

    def preupload(self, name: str, rev: str) -> dict:
        _, files = self.repo(name, write=True).at(rev)
        asked = [each["path"] for each in json.loads(self.body)["files"]]
        if len(asked) > 256:
            raise Refused(413)
        large = {path for path in asked if path.endswith(".parquet") and not self.hub.regular}
        ignored = self.hub.blobs[files[".gitignore"]].decode().split() if ".gitignore" in files else []
        return {"files": [{"path": path, "uploadMode": "lfs" if path in large else "regular", "oid": files.get(path),
                           "shouldIgnore": any(fnmatch(path, pattern) for pattern in ignored)}
                          for path in asked]}  # fmt: skip

    def batch(self, name: str) -> dict:
        self.repo(name, write=True)
        wanted = json.loads(self.body)["objects"]
        for each in wanted:
            if each["oid"] not in self.hub.blobs:
                put, verify = f"{self.hub.url}/lfs/{each['oid']}", f"{self.hub.url}/api/verify"
                each["actions"] = {"upload": {"href": put}, "verify": {"href": verify}}
        return {"transfer": "basic", "objects": wanted}

    def store(self, oid: str) -> bytes:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400)
        self.hub.blobs[oid] = self.body
        return b""

    def verify(self) -> dict:
        if json.loads(self.body)["oid"] not in self.hub.blobs:
            raise Refused(404)
        return {}

    def commit(self, name: str, rev: str) -> dict:
        repo = self.repo(name, write=True)
        sha, files = repo.at(rev)
        files = dict(files)
        for line in map(json.loads, self.body.splitlines()):
            key, value = line["key"], line["value"]
            if key == "header" and value.get("parentCommit", sha) != sha:
                raise Refused(412, error="A commit has happened since")
            if key == "file":
                files[value["path"]] = self.hub.keep(base64.b64decode(value["content"]))
            elif key == "lfsFile":
                if value["oid"] not in self.hub.blobs:
                    raise Refused(400, error="no such object")
                files[value["path"]] = value["oid"]
            elif key == "deletedFile":
                del files[value["path"]]
        made = repo.commit(files)
        return {"commitOid": made, "commitUrl": f"{self.hub.url}/datasets/{name}/commit/{made}"}

    def tree(self, name: str, rev: str, under: str | None) -> list[dict]:
        _, files = self.repo(name).at(rev)
        under = f"{(under or '').strip('/')}/".lstrip("/")
        found = {path: oid for path, oid in files.items() if path.startswith(under)}
        if under and not found:
            raise Refused(404, "EntryNotFound")
        folders = {path.rpartition("/")[0] for path in found if "/" in path.removeprefix(under)}
        return [*map(folder, sorted(folders)), *(self.entry(*each) for each in sorted(found.items()))]

    def paths_info(self, name: str, rev: str) -> list[dict]:
        _, files = self.repo(name).at(rev)
        asked = json.loads(self.body)["paths"]
        folders = [path for path in asked if any(file.startswith(f"{path}/") for file in files)]
        return [*map(folder, folders), *(self.entry(path, files[path]) for path in asked if path in files)]

    def resolve(self, name: str, rev: str, path: str) -> bytes:
        sha, files = self.repo(name).at(rev)
        if path not in files:
            raise Refused(404, "EntryNotFound")
        oid, data = files[path], self.hub.blobs[files[path]]
        self.more = {"X-Repo-Commit": sha, "ETag": f'"{oid}"', "Accept-Ranges": "bytes"}
        if len(oid) == LARGE:
            self.more |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": len(data)}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return data
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        self.status, self.more["Content-Range"] = 206, f"bytes {first}-{last}/{len(data)}"
        return data[first : last + 1]


def folder(path: str) -> dict:
    return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}


NAMED = r"/api/datasets/(?P<name>[^/]+/[^/]+)"
ROUTES = (
    ("GET", r"/api/whoami-v2", Handler.whoami),
    ("POST", r"/api/repos/create", Handler.create),
    ("POST", r"/api/validate-yaml", Handler.validate),
    ("POST", r"/api/verify", Handler.verify),
    ("GET", NAMED + r"(?:/revision/(?P<rev>[^/]+))?", Handler.info),
    ("POST", NAMED + r"/preupload/(?P<rev>[^/]+)", Handler.preupload),
    ("POST", NAMED + r"/commit/(?P<rev>[^/]+)", Handler.commit),
    ("POST", NAMED + r"/paths-info/(?P<rev>[^/]+)", Handler.paths_info),
    ("GET", NAMED + r"/tree/(?P<rev>[^/]+)(?P<under>/.*)?", Handler.tree),
    ("POST", r"/datasets/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", Handler.store),
    ("GET HEAD", r"/datasets/(?P<name>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)", Handler.resolve),
)


@contextlib.contextmanager
def served_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfHub", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with served_hub() as serving:
        serving.crossed = None
        print(serving.url, flush=True)
        threading.Event().wait()
