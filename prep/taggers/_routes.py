"""The three routes by which web UIs read tags, each as: a picture and a threshold -> tag -> score. No vocabulary here.

As the servers speak them: AUTOMATIC1111 1.6 to 1.10 and Forge, SD.Next, the extension wd14-tagger.
"""

import contextlib
import logging
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from prep.errors import StoppedError
from prep.remote import AbsentError, Server

log = logging.getLogger(__name__)
RANK = re.compile(r"\(((?:(?!, ).)*?):([01](?:\.\d+)?)\)(?:,\s*|\s*$)")  # (tag:0.987), with any tag: `(:d:0.5)`
DEEPDANBOORU = "deepdanbooru"
RATINGS = ("general", "sensitive", "questionable", "explicit", "safe")  # as WD taggers name them, without a prefix
NOT_ZERO = 1e-30  # SD.Next takes 0 for its own default, 0.5
MOST_TAGS = 512  # per answer of SD.Next
MOST_NAMES = 100_000
MOST_ANSWERS = 1000  # about one picture: 200 hold the tags of any model at SD.Next's 512
SET = {  # of A1111: each tag with its score, and nothing about its name changed
    "interrogate_return_ranks": True,
    "deepbooru_use_spaces": False,
    "deepbooru_escape": False,
    "deepbooru_filter_tags": "",
}
THRESHOLD = "interrogate_deepbooru_score_threshold"


class Route(Protocol):
    name: str  # in the settings and in the digest
    path: str
    model: str

    def asking(self, threshold: float) -> contextlib.AbstractContextManager[None]:
        """While pictures are read. Leaves the server as it was."""

    def read(self, image: str, threshold: float) -> dict[str, float] | None:
        """image: base64. None: the answer has no scores. Raises StoppedError."""

    def all_tags(self, image: str) -> dict[str, float] | None:
        """Every tag that the server knows, and its score for this picture."""


class Interrogate:
    """POST /sdapi/v1/interrogate: scores are an option of the whole server, set only while pictures are read."""

    name, path = "interrogate", "/sdapi/v1/interrogate"

    def __init__(self, server: Server, model: str) -> None:
        self.server, self.model = server, model or DEEPDANBOORU

    @contextlib.contextmanager
    def asking(self, threshold: float) -> Iterator[None]:
        wanted = {**SET, THRESHOLD: threshold}
        has = self.server.get("/sdapi/v1/options")
        has = has if isinstance(has, dict) else {}
        before = {name: has[name] for name, value in wanted.items() if name in has and has[name] != value}
        # What it does not list is not touched, but for the scores: without them nothing can be read.
        needed = {name: wanted[name] for name in before} | ({} if SET.keys() & has.keys() else SET)
        if not needed:
            yield
            return
        try:
            self.server.post("/sdapi/v1/options", needed)
            yield
        finally:
            if before:
                self._put_back(before)

    def read(self, image: str, threshold: float) -> dict[str, float] | None:
        # A1111 ignores the threshold here; servers that do not list the option may heed it.
        asked = {"image": image, "model": self.model, "threshold": threshold}
        answer = self.server.post(self.path, asked)
        caption = answer.get("caption") if isinstance(answer, dict) else None
        if not isinstance(caption, str):
            raise _not_tags(self, answer)
        return ranks(caption)

    def _put_back(self, before: dict[str, Any]) -> None:
        """A server that is gone cannot be told."""
        try:
            self.server.post("/sdapi/v1/options", before, tries=1)
        except StoppedError as error:
            log.info(f"tagger: {', '.join(before)} could not be put back as they were: {error.message}")

    def all_tags(self, image: str) -> dict[str, float] | None:
        with self.asking(0.0):
            return self.read(image, 0.0)


class SdNext:
    """POST /sdapi/v1/tagger of SD.Next: at most 512 tags per answer, so all of them take as many answers as needed."""

    name, path = "tagger", "/sdapi/v1/tagger"

    def __init__(self, server: Server, model: str) -> None:
        self.server, self.model = server, model or DEEPDANBOORU

    def asking(self, threshold: float) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def read(self, image: str, threshold: float) -> dict[str, float] | None:
        least = max(threshold, NOT_ZERO)
        found = self._page(image, least, ())
        if found and len(found) >= MOST_TAGS:
            self._add_others(image, least, found, full=MOST_TAGS)
        return found

    def all_tags(self, image: str) -> dict[str, float] | None:
        found: dict[str, float] = {}
        for least in (NOT_ZERO, 0.0):  # and those that are 0 for a server that takes 0 for what it is
            self._add_others(image, least, found, full=1)
        return found or None

    def _add_others(self, image: str, threshold: float, found: dict[str, float], full: int) -> None:
        """Adds to found, answer by answer, until one has fewer than `full` tags or, as of a server that ignores which
        ones to leave out, no other.
        """
        for _ in range(MOST_ANSWERS):
            some = self._page(image, threshold, found) or {}
            others = some.keys() - found.keys()
            found |= some
            if not others or len(some) < full or len(found) >= MOST_NAMES:
                return

    def _page(self, image: str, threshold: float, before: Iterable[str]) -> dict[str, float] | None:
        """The best tags but those before."""
        bare = (name.removeprefix("rating:") for name in before if name.startswith("rating:"))
        without = ",".join([*before, *bare]) or ","  # an empty text would be the server's own list
        asked = {"image": image, "model": self.model, "threshold": threshold, "character_threshold": threshold}
        asked |= {"max_tags": MOST_TAGS, "include_rating": True, "sort_alpha": False, "use_spaces": False}
        asked |= {"escape_brackets": False, "exclude_tags": without, "show_scores": True}
        answer = self.server.post(self.path, asked)
        if not isinstance(answer, dict) or not isinstance(answer.get("tags"), str):
            raise _not_tags(self, answer)
        if not answer["tags"].strip():
            return {}
        found = ranks(answer["tags"]) if answer.get("scores") is None else _scores(self, answer["scores"])
        return found and _with_ratings(found)


class Extension:
    """POST /tagger/v1/interrogate of the extension wd14-tagger."""

    name, path = "wd14", "/tagger/v1/interrogate"

    def __init__(self, server: Server, model: str) -> None:
        self.server, self.model = server, model

    def asking(self, threshold: float) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def read(self, image: str, threshold: float) -> dict[str, float] | None:
        answer = self.server.post(self.path, {"image": image, "model": self.model, "threshold": threshold})
        found = answer.get("caption") if isinstance(answer, dict) else None
        if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()):  # newer versions
            found = {name: score for group in found.values() for name, score in group.items()}
        return _with_ratings(_scores(self, found))

    def all_tags(self, image: str) -> dict[str, float] | None:
        return self.read(image, 0.0)


ROUTES = {each.name: each for each in (Interrogate, SdNext, Extension)}


def route_of(server: Server, asked: str, model: str) -> Route:
    """asked: `auto`, or the name of one. `auto` asks the server which it has. Raises StoppedError."""
    if asked in ROUTES and (asked != Extension.name or model):
        return ROUTES[asked](server, model)
    if asked == "auto":
        listed = _listed(server, "/sdapi/v1/tagger/models")
        if listed and len(listed) == 1 and not model:  # prep serve: it has one, and says which
            model = listed[0]
        if (model in ("", DEEPDANBOORU) or [model] == listed) and _has(server, Interrogate.path):
            return Interrogate(server, model)
        if listed is not None:
            return SdNext(server, model)
    there = _listed(server, "/tagger/v1/interrogators") or []
    if there and (model in there or not model):
        return Extension(server, model or there[0])
    if there:
        raise StoppedError(
            f"{server.address} has no tagger called {model}",
            hint=f"set tagger.a1111.model: {', '.join(there)}",
        )
    # The first complaint is the most likely one: the web UI was started without --api.
    server.get("/sdapi/v1/options")
    raise StoppedError(
        f"{server.address} has no route that reads tags{f' with {model}' if model else ''} (Forge Classic has none)",
        hint="use AUTOMATIC1111, Forge, SD.Next, or a second `prep serve`",
    )


def ranks(caption: str) -> dict[str, float] | None:
    """`(1girl:0.987), (:d:0.500)` -> tag -> score; None for any other text, such as tags without scores."""
    text, found, at = caption.strip(), {}, 0
    while at < len(text):
        match = RANK.match(text, at)
        if not match:
            return None
        found[match[1]] = float(match[2])
        at = match.end()
    return found


def _scores(route: Route, found: Any) -> dict[str, float]:
    """Raises StoppedError for anything but tag -> number."""
    if not isinstance(found, Mapping) or not all(map(_is_score, found.values())):
        raise _not_tags(route, found)
    return {str(name): float(score) for name, score in found.items()}


def _is_score(score: Any) -> bool:
    return isinstance(score, int | float) and math.isfinite(score)


def _with_ratings(found: dict[str, float]) -> dict[str, float]:
    return {f"rating:{name}" if name in RATINGS else name: score for name, score in found.items()}


def _not_tags(route: Route, answer: Any) -> StoppedError:
    return StoppedError(
        f"{route.server.address}{route.path} answers no tags ({route.server.quoted(answer, 60)!r})",
        hint="set tagger.a1111.route and tagger.a1111.model to what it has",
    )


def _has(server: Server, path: str) -> bool:
    """Whether it has a POST route: a GET is refused there (405), or answered, and 404 anywhere else."""
    try:
        server.get(path)
    except AbsentError as error:
        return error.status == 405
    return True


def _listed(server: Server, path: str) -> list[str] | None:
    """The names of its models; None if it has no such route."""
    try:
        found = server.get(path)
    except AbsentError:
        return None
    found = found.get("models") if isinstance(found, dict) else found
    if not isinstance(found, list):
        return None
    return [str(each.get("name") if isinstance(each, dict) else each) for each in found]
