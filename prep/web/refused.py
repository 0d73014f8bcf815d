"""What a client is told when a request is not carried out: a status, one sentence, and what to do."""

import re

from prep.errors import PrepError

ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:[^\s/:,;'\"()]+/)+([^\s/:,;'\"()]*)")


class Refused(PrepError):  # noqa: N818 - nothing failed
    """status: of HTTP. headers: more for the answer, such as Retry-After."""

    def __init__(self, status: int, message: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.headers = headers or {}

    def __reduce__(self):
        return type(self), (self.status, self.message, self.hint, self.headers)


def busy(message: str, seconds: float) -> Refused:
    """429. seconds: after which it is worth trying again."""
    again = max(1, round(seconds))
    return Refused(429, message, f"try again in {again} s", {"Retry-After": str(again)})


def too_many(found: int, most: int) -> Refused:
    return Refused(422, f"{found:,} pictures in one request; at most {most:,} are taken", "send several requests")


def stopping() -> Refused:
    return Refused(503, "the server is stopping", "try again once it has started", {"Retry-After": "10"})


def without_folders(text: str) -> str:
    """A client need not know where things are on this machine: of an absolute path it gets the last name."""
    return ABSOLUTE.sub(r"\1", text)
