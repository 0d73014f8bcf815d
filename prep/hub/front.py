"""The YAML at the head of a README.md: read, and merged so that a person's keys stay as they are written."""

import re
from itertools import pairwise
from typing import Any

from prep.errors import StoppedError

FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:\r?\n)?^---[ \t]*(?:\r?\n|\Z)", re.S | re.M)
KEY = re.compile(r"^[^\s#\-][^\n]*", re.M)  # the first line of a top-level key


def licence_of(before: str | None) -> str | None:
    """The licence that a card names."""
    front = FRONT.match(before or "")
    found = read_yaml(front[1]).get("license") if front else None
    return str(found) if found else None


def has_pictures(before: str | None) -> bool:
    """Whether a card tells of a column of images."""
    front = FRONT.match(before or "")
    return bool(front and re.search(r"^\s*dtype: image\s*$", front[1], re.M))


def read_yaml(front: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(front) or {}
        if isinstance(found, dict):
            return found
    except (yaml.YAMLError, ValueError):
        pass
    raise StoppedError("the YAML of the README.md on the hub cannot be read", hint="mend it there, then push again")


def merged_yaml(front: str, theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Their keys as they are written, comments and all; ours where they stand, or at the end."""
    import yaml

    starts = [0, *(found.start() for found in KEY.finditer(front)), len(front)]
    left, parts = dict(ours), []
    for chunk in (front[start:stop] for start, stop in pairwise(starts)):
        key = chunk.partition(":")[0].strip().strip("'\"")
        if key in left:
            parts.append(_dump({key: left.pop(key)}))
        elif chunk:
            parts.append(chunk if chunk.endswith("\n") else chunk + "\n")
    text = "".join(parts) + (_dump(left) if left else "")
    wanted = theirs | ours
    try:
        if yaml.safe_load(text) == wanted:
            return text
    except (yaml.YAMLError, ValueError):
        pass
    return _dump(wanted)


def _dump(values: dict[str, Any]) -> str:
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # four configs share their features
            return True

    return yaml.dump(values, Dumper=Plain, sort_keys=False, allow_unicode=True, width=10**6)
