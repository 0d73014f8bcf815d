"""What goes wrong at the hub or on the way there: which errors pass, and each error as one sentence.

No text of the client's is passed on: it may hold the address of a mirror with a password in it.
"""

import json

from prep.errors import NetworkError, PrepError, StoppedError
from prep.models.hub import hub_name

BUSY = (408, 425, 429)  # as 5xx: worth another try
TRANSPORTS = ("httpx", "httpcore", "requests", "urllib3")  # the client's, by its version


def passes(error: BaseException) -> bool:
    """Whether another try may succeed."""
    error = cause(error)
    if code := status(error):
        return code >= 500 or code in BUSY
    broken = isinstance(error, (ConnectionError, TimeoutError, json.JSONDecodeError))  # the last: a gateway's own page
    return broken or type(error).__module__.startswith(TRANSPORTS)


def is_theirs(error: BaseException) -> bool:
    """Whether the hub, the network or the disk failed. Every other error is a bug in prep, and is shown as one."""
    return passes(error) or status(error) is not None or isinstance(cause(error), (OSError, ValueError, PrepError))


def status(error: BaseException) -> int | None:
    """The HTTP status that the hub answered with."""
    return getattr(getattr(cause(error), "response", None), "status_code", None)


def cause(error: BaseException) -> BaseException:
    """What happened, where the client hides it behind an error of its threads."""
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
        return StoppedError(
            f"{host} does not take the token from {token_source}", hint="`hf auth login` takes a new one"
        )
    if code == 403:
        return StoppedError(
            f"the token from {token_source} has no right to write to {repo}",
            hint="see whose repo it is, and that the token may write to it",
        )
    if code == 404:
        return StoppedError(f"{host} shows no dataset {repo}", hint="see that its name is right")
    if code == 429:
        return NetworkError(f"{host} is asked too often", hint="wait an hour, and push again")
    if code:
        return NetworkError(f"{host} answers {code} for {what}", hint="push again later; what has arrived stays there")
    if isinstance(error, ValueError) and str(error).startswith("Invalid metadata"):
        reason = " ".join(str(error).split("\n")[1:])[:200].strip(" -")
        return StoppedError(
            f"{host} does not take the card: {reason}", hint="correct its README.md there, then push again"
        )
    if isinstance(error, ValueError):
        return NetworkError(f"{host} gives an answer for {what} that makes no sense", hint="is HF_ENDPOINT a hub?")
    does = "breaks the connection" if "Connect" not in type(error).__name__ else "does not answer"
    return NetworkError(f"{host} {does} ({type(error).__name__})", hint="push again; what has arrived stays there")
