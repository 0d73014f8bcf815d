"""Who may ask: HTTP Basic, and the Host and Origin of a request, since any web page can post to a port of this machine.

Without a password the server listens on loopback alone, and answers only under a loopback name: a page whose name is
made to lead here has another one. A page of another origin is refused, with or without a password.
"""

import base64
import binascii
import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request

from prep.errors import UsageError
from prep.files import read_file
from prep.web.refused import Refused

VARIABLE = "PREP_AUTH"
AUTH_BYTES = 65_536
HINT = "use localhost, or name it in serve.hosts"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def read_logins(path: Path | None) -> dict[str, str]:
    """User -> password, of the file or of PREP_AUTH. Raises UsageError for lines that are not user:password."""
    if path:
        try:
            lines = read_file(path, AUTH_BYTES, follow=True).decode().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UsageError(f"--auth-file {path} cannot be read: {why}", hint="name a file of user:password") from None
        where = f"--auth-file {path}"
    else:
        lines, where = os.environ.get(VARIABLE, "").splitlines(), VARIABLE
    found = {}
    for line in filter(None, map(str.strip, lines)):
        user, colon, password = line.partition(":")
        if not (user and colon and password):
            raise UsageError(f"{where} has a line that is not user:password", hint="write user:password, one per line")
        found[user] = password
    if path and not found:
        raise UsageError(f"{where} has no user:password", hint="write user:password, one per line")
    return found


class Access:
    """logins: user -> password; none: nobody is asked. hosts: names, beside loopback's, that it may be reached by."""

    def __init__(self, logins: Mapping[str, str], hosts: tuple[str, ...] = (), hint: str = HINT) -> None:
        """hint: what to do for whoever comes by another name."""
        self.hint = hint
        self.logins = dict(logins)
        self.hosts = {*LOOPBACK, *(host.lower() for host in hosts)}

    def check(self, headers: Mapping[str, str]) -> str | None:
        """The user; None: nobody was asked. headers: lower-case names. Raises Refused: 401, 403 or 421."""
        host = headers.get("host", "")
        if not self.logins and (name_of(host) not in self.hosts and not is_loopback(name_of(host))):
            raise Refused(421, f"this server is not reached as {host[:100]!r}", self.hint)
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            raise Refused(403, f"pages of {origin[:100]} may not ask this server", "ask it from a program")
        if headers.get("sec-fetch-site") == "cross-site":
            raise Refused(403, "pages of another site may not ask this server", "ask it from a program")
        return self._user(headers.get("authorization", "")) if self.logins else None

    def _user(self, header: str) -> str:
        scheme, _, coded = header.partition(" ")
        try:
            given = base64.b64decode(coded, validate=True).decode() if scheme.lower() == "basic" else ""
        except (binascii.Error, ValueError):
            given = ""
        user, _, password = given.partition(":")
        wanted = self.logins.get(user, "")
        if not secrets.compare_digest(password.encode(), wanted.encode()) or not wanted:
            # A1111's own words, which its clients know.
            raise Refused(401, "Incorrect username or password", headers={"WWW-Authenticate": "Basic"})
        return user


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def name_of(host: str) -> str:
    """A Host header without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def client_of(request: Request) -> str:
    """Whose request it is, for a fair order: the user, else the address."""
    user = request.scope.get("prep.user")
    return f"user {user}" if user else request.client.host if request.client else "unknown"
