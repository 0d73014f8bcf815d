"""The language that pictures are filtered with: `tag:smile -tag:hat (character:sylvie OR score>0.8)`.

A query becomes a tree of conditions; which pictures meet one is for the board to say.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from prep.edits.merge import key
from prep.errors import UsageError

FIELDS = {
    "tag": "a tag of the caption", "character": "the character", "variant": "its variant", "origin": "where it is from",
    "status": "kept, rejected, duplicate, unreadable or excluded", "verdict": "what you decided", "flag": "a flag",
    "disagrees": "a tag about which two readers differ",
    "reason": "why it is left out", "caption": "text of the caption", "name": "the file's name",
    "is": "trained, touched, untouched, edited, drawn, real or changing", "score": "the check's score",
    "tags": "how many tags",
    "width": "px", "height": "px",
}  # fmt: skip
NUMBERS = ("score", "tags", "width", "height")
STATES = ("trained", "touched", "untouched", "edited", "drawn", "real", "changing")
LONGEST = 4_000  # letters
MOST = 100  # conditions
DEEPEST = 50  # brackets
HINT = 'such as tag:"long hair" -tag:hat (character:sylvie OR score<0.7)'
PARTS = re.compile(
    r"""\s*(?:
    (?P<bracket>[()])
    | (?P<minus>-)(?=[(\w"])
    | (?P<word>(?:(?P<field>[a-z_]+)(?P<sign>:|<=|>=|<|>|=))?
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s()"]+)))
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Is:
    """One condition. sign: `:` for text, which may have `*`, or a comparison of numbers."""

    field: str
    sign: str
    value: str

    @property
    def number(self) -> float:
        return float(self.value)

    @property
    def matches(self) -> Callable[[str], bool]:
        """Whether a text is the value, in any case, `*` standing for anything."""
        return _matcher(key(self.value))


@dataclass(frozen=True)
class Not:
    of: "Condition"


@dataclass(frozen=True)
class Both:
    of: tuple["Condition", ...]  # none: everything


@dataclass(frozen=True)
class Either:
    of: tuple["Condition", ...]


Condition = Is | Not | Both | Either


@cache
def _matcher(value: str) -> Callable[[str], bool]:
    if "*" not in value:
        return lambda text: key(text) == value
    first, *middle, last = value.split("*")

    def matches(text: str) -> bool:
        """Each piece at its first place behind the one before: no text takes long."""
        name = key(text)
        if not (name.startswith(first) and name.endswith(last) and len(name) >= len(first) + len(last)):
            return False
        at = len(first)
        for piece in middle:
            found = name.find(piece, at, len(name) - len(last))
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches


def parsed(query: str) -> Condition:
    """Raises UsageError for a query that cannot be read; it says where."""
    if len(query) > LONGEST:
        raise UsageError(f"the filter has {len(query):,} letters; at most {LONGEST:,} are read", hint="shorten it")
    return _Parser(query).whole()


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self.at = 0
        self.depth = self.count = 0
        self.part: re.Match[str] | None = None
        self._next()

    def whole(self) -> Condition:
        found = self._either()
        if self.part is not None:
            raise self._wrong("has a bracket that nothing opens")
        return found

    def _next(self) -> None:
        """Raises UsageError."""
        if not self.query[self.at :].strip():
            self.part = None
            return
        self.part = PARTS.match(self.query, self.at)
        if self.part is None:
            raise self._wrong("cannot be read")
        self.at = self.part.end()

    def _wrong(self, what: str) -> UsageError:
        place = self.query[max(0, (self.part.start() if self.part else self.at)) :].strip()[:30]
        return UsageError(f"the filter {what}" + (f", at {place!r}" if place else ""), hint=HINT)

    def _is(self, word: str) -> bool:
        return self.part is not None and self.part["word"] == word

    def _either(self) -> Condition:
        found = [self._both()]
        while self._is("OR"):
            self._next()
            found.append(self._both())
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _both(self) -> Condition:
        found: list[Condition] = []
        while self.part is not None and self.part["bracket"] != ")" and not self._is("OR"):
            if self._is("AND"):
                if not found:
                    raise self._wrong("begins with AND")
                self._next()
                if self.part is None or self.part["bracket"] == ")" or self._is("OR"):
                    raise self._wrong("has nothing behind AND")
            found.append(self._one())
        if not found and (self.depth or self.part is not None or self.query.strip()):
            raise self._wrong("has nothing where a condition is wanted")
        return found[0] if len(found) == 1 else Both(tuple(found))

    def _one(self) -> Condition:
        part = self.part
        if part is None:
            raise self._wrong("ends behind NOT")
        self._next()
        if part["minus"] or part["word"] == "NOT":
            self._deeper()
            found = Not(self._one())
            self.depth -= 1
            return found
        if part["bracket"] == "(":
            self._deeper()
            found = self._either()
            if self.part is None or self.part["bracket"] != ")":
                raise self._wrong("has a bracket that nothing closes")
            self.depth -= 1
            self._next()
            return found
        return self._condition(part)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise UsageError(f"the filter has more than {DEEPEST} brackets in one another", hint="simplify it")

    def _condition(self, part: re.Match[str]) -> Condition:
        self.count += 1
        if self.count > MOST:
            raise UsageError(f"the filter has more than {MOST} conditions", hint="simplify it")
        return self._read(part)

    def _read(self, part: re.Match[str]) -> Condition:
        field, sign = part["field"] or "caption", part["sign"] or ":"
        value = part["plain"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
        if field not in FIELDS and part["quoted"] is None and sign == ":":  # a kaomoji, or a word with a colon
            return Is("caption", ":", f"{field}{sign}{value}")
        if field not in FIELDS:
            raise UsageError(f"the filter has no {field!r}", hint=f"use one of {', '.join(FIELDS)}")
        if field in NUMBERS:
            return self._number(field, sign, value)
        if sign not in (":", "="):
            raise UsageError(f"the filter compares {field}, which is text", hint=f"write {field}:{value}")
        if field == "is" and value.lower() not in STATES:
            raise UsageError(f"the filter has is:{value}", hint=f"use one of {', '.join(STATES)}")
        return Is(field, ":", value.lower() if field == "is" else value)

    def _number(self, field: str, sign: str, value: str) -> Condition:
        if sign == ":" and value[:1] in "<>=" and value.lstrip("<>="):
            sign, value = re.match(r"([<>]?=?)(.*)", value).groups()
        try:
            float(value)
        except ValueError:
            raise UsageError(f"the filter compares {field} with {value!r}", hint=f"write {field}<0.7") from None
        return Is(field, "=" if sign == ":" else sign, value)
