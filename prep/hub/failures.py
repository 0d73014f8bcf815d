"""What goes wrong at the hub or on the way there: which errors may pass, and each error as one sentence.

The client's own text is never shown: it may contain a mirror's address with a password in it.
"""

import json

from prep.errors import NetworkError, PrepError, StoppedError
from prep.models.hub import hub_name

BUSY = (408, 425, 429)  # like 5xx: worth another try
TRANSPORTS = ("httpx", "httpcore", "requests", "urllib3")  # the client's, by its version


def passes(error: BaseException) -> bool:
    """Whether another try may succeed."""
    error = cause(error)
    if code := status(error):
        return code >= 500 or code in BUSY
    broken = isinstance(error, (ConnectionError, TimeoutError, json.JSONDecodeError))  # the last: a gateway's own page
    return broken or type(error).__module__.startswith(TRANSPORTS)


def is_theirs(error: BaseException) -> bool:
    """Whether the hub, the network or the disk failed. Any other error is a bug in prep, and is shown as one."""
    return passes(error) or status(error) is not None or isinstance(cause(error), (OSError, ValueError, PrepError))


def status(error: BaseException) -> int | None:
    """The HTTP status of the hub's answer."""
    return getattr(getattr(cause(error), "response", None), "status_code", None)


def cause(error: BaseException) -> BaseException:
    """The real error, when the client wraps it in an error of its threads."""
    while isinstance(error, RuntimeError) and error.__cause__:
        error = error.__cause__
    return error


def explain(error: BaseException, what: str, repo: str, token_source: str) -> PrepError:
    """The error as a sentence. what: which part of the push it ended."""
    error = cause(error)
    code, host = status(error), hub_name()
    if isinstance(error, PrepError):
        return error
    if code == 401:
        return StoppedError(f"{host} rejected the token from {token_source}", hint="run `hf auth login` with a new one")
    if code == 403:
        return StoppedError(
            f"the token from {token_source} may not write to {repo}",
            hint="check who owns the repo, and whether the token has write access to it",
        )
    if code == 404:
        return StoppedError(f"{host} has no dataset {repo} that this token can see", hint="check the name")
    if code == 429:
        return NetworkError(f"{host} limits the number of requests", hint="wait an hour, then push again")
    if code:
        return NetworkError(f"{host} answered {code} for {what}", hint="push again later; what has arrived stays there")
    if isinstance(error, ValueError) and str(error).startswith("Invalid metadata"):
        reason = " ".join(str(error).split("\n")[1:])[:200].strip(" -")
        return StoppedError(
            f"{host} rejected the card: {reason}", hint="correct its README.md on the hub, then push again"
        )
    if isinstance(error, ValueError):
        return NetworkError(
            f"{host} sent an answer for {what} that prep cannot read", hint="check that HF_ENDPOINT is a hub"
        )
    does = "broke the connection" if "Connect" not in type(error).__name__ else "does not answer"
    return NetworkError(f"{host} {does} ({type(error).__name__})", hint="push again; what has arrived stays there")
