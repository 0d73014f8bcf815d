"""Another machine's HTTP API: an address as a user types it, and calls that end in JSON or in one sentence.

Knows time-outs, tries, credentials and sizes. Does not know what is asked; torch-free, and `requests` is imported only
when something is asked.
"""

import ipaddress
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from prep.documents import DocumentError, parse_json
from prep.errors import NetworkError, SettingsError, StoppedError
from prep.masked import masked

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

AUTH = "PREP_A1111_AUTH"
KEY = "PREP_CAPTIONER_KEY"
TRIES = 4
FAILING = (500, 501, 502, 504)  # perhaps only this call, so not worth many tries; 503: it is loading
FAILING_TRIES = 2
SILENT_TRIES = 2  # of a server that accepts and does not answer: each costs the whole time-out
PAUSE_SECONDS = 1.0  # doubles with each try
CONNECT_SECONDS = 5
CHUNK_BYTES = 1 << 16
ANSWER_BYTES = 200_000_000  # a picture of 8192 x 8192 px as base64
CHAT_BYTES = 1_000_000  # some sentences, and what the model thought before
SHOWN, LOOKED_AT = 200, 4000  # letters of what a server says about an error
BUSY = (408, 425, 429)  # like 5xx: worth another try
NO_API = "start it there with --api (AUTOMATIC1111 and Forge answer to programs only then), or correct the address"
PASSWORD = f"set {AUTH}=user:password, or add the host to ~/.netrc"
OWN_KEY = f"set {KEY} to the key of this server"


class AddressError(ValueError):
    """What is wrong with an address, as a clause after its name, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def address_of(typed: str) -> str:
    """`host:7860`, `https://host/prefix/` -> the address that paths are added to, without a slash at its end.

    Raises AddressError, which never repeats a password.
    """
    example = "write it as http://HOST:7860"
    text = typed if "://" in typed else f"http://{typed}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise AddressError("is not an address", example) from None
    if parts.username is not None or parts.password is not None:
        raise AddressError("has a user name or a password in its address", PASSWORD)
    sound = text.isprintable() and not any(letter.isspace() for letter in text)
    if parts.scheme not in ("http", "https") or not host or not sound or parts.query or parts.fragment:
        raise AddressError("is not an address", example)
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/').removesuffix('/sdapi/v1')}".rstrip("/")


def is_here(address: str) -> bool:
    """Whether it is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def retrying(tries: int, worth_a_try: Callable[[BaseException], bool]) -> Retrying:
    """Call a function until it succeeds; the last error is raised unchanged."""
    return Retrying(
        stop=stop_after_attempt(tries),
        wait=wait_exponential(multiplier=PAUSE_SECONDS),
        retry=retry_if_exception(worth_a_try),
        reraise=True,
    )


def other_model(address: str) -> StoppedError:
    return StoppedError(
        f"{address_of(address)} has another model now than when the run began",
        hint="load the first one there again and run again, or run again to begin anew with this one",
    )


class AbsentError(StoppedError):
    """The server has no such route, model or sampler."""

    status = 404  # or 405: it has the path, but not for this kind of call


class RefusedCallError(StoppedError):
    """The server answers 4xx: it will not answer this call, but perhaps others."""

    status = 400  # or another from 400 to 499


class FailingError(NetworkError):
    """The server answers 500 or the like, each time."""

    status = 0  # from 500; 0: it answers, but nothing that was asked for


class TooLongError(StoppedError):
    """The server's answer has more bytes than what was asked for can have."""


class _PassingError(NetworkError):
    """Worth another try."""

    status = 0


class _FailingError(_PassingError):
    pass


class _SilentError(_PassingError):
    """It accepts, and does not answer in time."""


class Bearer:
    """A key in the header, as `requests` asks for it; without a key, nothing: not what ~/.netrc says either."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __bool__(self) -> bool:
        return bool(self.key)

    def __call__(self, call: "PreparedRequest") -> "PreparedRequest":
        if self.key:
            call.headers["Authorization"] = f"Bearer {self.key}"
        return call


@dataclass(frozen=True)
class Api:
    """How the servers of one kind are asked, and what to do when they do not answer."""

    credentials: Callable[[], Any]  # for `requests`; raises SettingsError
    no_api: str
    password: str
    refused: str
    wanted: str
    answer_bytes: int = ANSWER_BYTES  # of an answer to a POST
    stops_failing: bool = False  # whether a server that fails is asked only twice, as only one call may be at fault


def _key() -> Bearer:
    key = os.environ.get(KEY, "").strip()
    if not key.isascii() or not key.isprintable():
        raise SettingsError(f"{KEY} has letters that no key has", hint="set it to the key alone")
    return Bearer(key)


class Server:
    """The API at one address. Every call raises StoppedError (NetworkError, AbsentError) with one sentence."""

    def __init__(self, address: str, timeout_seconds: float, tries: int = TRIES, api: Api | None = None) -> None:
        """timeout_seconds: to wait for a whole answer. api: a web UI's by default.

        Raises SettingsError for credentials that cannot be read."""
        import requests

        self.address = address_of(address)
        self.timeout_seconds = timeout_seconds
        self.tries = tries
        self.session = requests.Session()
        self.api = api or WEB_UI
        self.session.auth = self.api.credentials()
        # A proxy does not know what `localhost` is here.
        self.proxies = {"http": "", "https": ""} if is_here(self.address) else {}

    def get(self, path: str, tries: int = 0) -> Any:
        """tries: 0: as many as usual."""
        return self._asked("GET", path, None, tries or self.tries)

    def post(self, path: str, body: Any, tries: int = 0) -> Any:
        """tries: as of get. Raises TooLongError as well."""
        return self._asked("POST", path, body, tries or self.tries)

    def close(self) -> None:
        self.session.close()

    def _asked(self, method: str, path: str, body: Any, tries: int) -> Any:
        silent = failing = 0

        def passes(error: BaseException) -> bool:
            nonlocal silent, failing
            silent += isinstance(error, _SilentError)
            failing += self.api.stops_failing and isinstance(error, _FailingError)
            return isinstance(error, _PassingError) and silent < SILENT_TRIES and failing < FAILING_TRIES

        try:
            return retrying(tries, passes)(lambda: self._once(method, path, body))
        except _PassingError as error:
            kind = FailingError if isinstance(error, _FailingError) else NetworkError
            last = kind(error.message, error.hint)
            last.status = error.status
            raise last from None

    def _once(self, method: str, path: str, body: Any) -> Any:
        import requests

        again = "start it, or wait until it is free, then run again: what is finished is kept"
        try:
            answer, data = self._received(method, path, body)
            return self._read(answer, path, data)
        except requests.Timeout as error:
            kind = _PassingError if isinstance(error, requests.ConnectTimeout) else _SilentError
            raise kind(f"{self.address} does not answer {path} in time", again) from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            kind = _SilentError if "Read timed out" in str(error) else _PassingError
            raise kind(f"{self.address} does not answer: there is no connection, or it was lost", again) from None
        except (requests.RequestException, ValueError) as error:  # ValueError: some host names are invalid
            raise StoppedError(f"{self.address} cannot be asked ({type(error).__name__})", self.api.no_api) from None

    def _received(self, method: str, path: str, body: Any) -> tuple["Response", bytes]:
        """An answer and its body, of bounded size and in bounded time. Raises StoppedError and what requests raises.

        The time-outs of a socket begin anew with each byte, so a thread waits for the answer, and is left to itself
        when the time is over.
        """
        import requests

        received: Future[tuple[Response, bytes]] = Future()
        begun = threading.Event()
        until = time.monotonic() + self.timeout_seconds

        def receive() -> None:
            try:
                with self.session.request(
                    method, self.address + path, json=body, stream=True, allow_redirects=False, proxies=self.proxies,
                    timeout=(CONNECT_SECONDS, self.timeout_seconds),
                ) as answer:  # fmt: skip
                    begun.set()
                    most = self.api.answer_bytes if method == "POST" else ANSWER_BYTES
                    received.set_result((answer, self._body(answer, until, most)))
            except BaseException as error:
                received.set_exception(error)

        threading.Thread(target=receive, name="receive", daemon=True).start()
        wait([received], self.timeout_seconds)
        if received.done():
            return received.result()
        raise self._too_slow() if begun.is_set() else requests.ReadTimeout

    def _body(self, answer: "Response", until: float, most: int) -> bytes:
        """until: by time.monotonic()."""
        data = bytearray()
        for chunk in answer.iter_content(CHUNK_BYTES):
            data += chunk
            if len(data) > most:
                raise TooLongError(f"{self.address} sends more than {most:,} bytes", hint=self.api.no_api)
            if time.monotonic() > until:
                raise self._too_slow()
        return bytes(data)

    def _too_slow(self) -> _SilentError:
        return _SilentError(f"{self.address} sends its answer too slowly", "try again when it is free")

    def _read(self, answer: "Response", path: str, data: bytes) -> Any:
        status, where = answer.status_code, f"{self.address} ({path})"
        page = data.lstrip()[:1] == b"<" or "html" in answer.headers.get("Content-Type", "")
        if status in (401, 403):
            given = self.api.refused if self.session.auth else self.api.wanted
            raise StoppedError(f"{where}: {given}", hint=self.api.password)
        if 300 <= status < 400:
            raise StoppedError(f"{where} leads to another address", hint="use the address that it leads to")
        detail = self.quoted(_detail(data))
        if status in (404, 405) and (page or not detail or detail in ("Not Found", "Method Not Allowed")):
            error = AbsentError(f"{self.address} has no {path}", hint=self.api.no_api)
            error.status = status
            raise error
        if status in (404, 405):
            raise AbsentError(f"{where} says: {detail}", hint="see what it has, or use another server")
        if status >= 500 or status in BUSY:
            said = f": {detail}" if detail else ""
            kind = _FailingError if status in FAILING else _PassingError
            failing = kind(f"{where} answers {status}{said}", hint="see what it prints, then run again")
            failing.status = status
            raise failing
        if status >= 400:
            refused = RefusedCallError(f"{where} answers {status}: {detail}", hint="see what it prints")
            refused.status = status
            raise refused
        if page:
            raise StoppedError(f"{where} answers with a page for people (HTML), not with an API", hint=self.api.no_api)
        try:
            return parse_json(data)
        except DocumentError as error:
            raise StoppedError(f"{where}: its answer {error}", hint=self.api.no_api) from None

    def quoted(self, said: Any, most: int = SHOWN) -> str:
        """What the server says, as a message may show it: at most so many letters, on one line, and without the
        credentials that it was shown, which some servers repeat."""
        text = "".join(letter if letter.isprintable() else " " for letter in str(said)[:LOOKED_AT])
        return masked(text, self._secrets())[:most].rstrip(" .")

    def repeats_secret(self, text: str) -> bool:
        """Whether a text has the credentials that the server was shown."""
        return any(secret and secret.lower() in text.lower() for secret in self._secrets())

    def _secrets(self) -> tuple[str, ...]:
        if isinstance(self.session.auth, Bearer):
            return (self.session.auth.key,)
        from requests.utils import get_netrc_auth

        given = self.session.auth or get_netrc_auth(self.address)
        if not given:
            return ()
        user, password = (each.decode() if isinstance(each, bytes) else each for each in given)
        return password, f"{user}:{password}"


def _credentials() -> tuple[bytes, bytes] | None:
    """From the environment; without it, requests looks into ~/.netrc. Raises SettingsError."""
    given = os.environ.get(AUTH, "")
    if not given:
        return None
    user, colon, password = given.partition(":")
    if not colon:
        raise SettingsError(f"{AUTH} has no `:`", hint="set it to user:password")
    return user.encode(), password.encode()


WEB_UI = Api(_credentials, NO_API, PASSWORD, "the user name and password are refused", "it asks for a password")
LANGUAGE_MODEL = Api(
    _key,
    "write it as llm:http://HOST:11434/v1, as Ollama, LM Studio, llama.cpp and vLLM have it",
    OWN_KEY,
    f"the key in {KEY} is refused",
    "it asks for a key",
    CHAT_BYTES,
    stops_failing=True,
)


def _detail(data: bytes) -> Any:
    """What the server says about an error; empty: nothing that can be read."""
    try:
        found = parse_json(data)
    except DocumentError:
        return ""
    if isinstance(found, dict):
        found = next((found[key] for key in ("detail", "errors", "error") if found.get(key)), "")
    if isinstance(found, dict) and isinstance(found.get("message"), str):  # as OpenAI words it
        found = found["message"]
    return found
