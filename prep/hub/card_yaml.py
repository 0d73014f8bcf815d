"""The YAML at the head of a README.md: reading it, and replacing values without touching anything else."""

import re
from typing import Any

from prep.errors import StoppedError

FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:\r?\n)?^---[ \t]*(?:\r?\n|\Z)", re.S | re.M)


def licence_of(card: str | None) -> str | None:
    """The licence that a card names."""
    front = FRONT.match(card or "")
    licence = read_yaml(front[1]).get("license") if front else None
    return str(licence) if licence else None


def has_pictures(card: str | None) -> bool:
    """Whether a card lists a column of images."""
    front = FRONT.match(card or "")
    return bool(front and re.search(r"^\s*dtype: image\s*$", front[1], re.M))


def read_yaml(front: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(front) or {}
        if isinstance(found, dict):
            return found
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    raise StoppedError(
        "the YAML of the README.md on the hub cannot be read", hint="correct it on the hub, then push again"
    )


def merged_yaml(front: str, theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Their YAML with our values; every other line, comments included, stays as it is."""
    import yaml

    text = front if not front or front.endswith("\n") else front + "\n"
    spans = _spans(front)
    for key, (start, stop) in reversed(spans.items()):
        if key in ours:
            stop = len(text[:stop].rstrip())  # a `|` block includes its trailing line feeds, which stay
            text = text[:start] + _dump({key: ours[key]}).rstrip("\n") + text[stop:]
    added = {key: value for key, value in ours.items() if key not in spans}
    text += _dump(added) if added else ""
    wanted = theirs | ours
    try:
        if yaml.safe_load(text) == wanted:
            return text
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    return _dump(wanted)  # for YAML such as {license: mit}, where a key has no line of its own


def _spans(front: str) -> dict[str, tuple[int, int]]:
    """Top-level key -> where it begins and where its value ends, by PyYAML's own tokens."""
    import yaml

    spans, key, start = {}, None, 0
    for token in yaml.scan(front):
        if isinstance(token, yaml.KeyToken) and token.start_mark.column == 0:
            key, start = None, token.start_mark.index
        elif isinstance(token, yaml.ScalarToken) and key is None:
            key = token.value
            spans.pop(key, None)  # the last of two equal keys counts
        if key is not None and not isinstance(token, (yaml.BlockEndToken, yaml.StreamEndToken)):
            spans[key] = (start, token.end_mark.index)
    return spans


def _dump(values: dict[str, Any]) -> str:
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # four configs share their features
            return True

    return yaml.dump(values, Dumper=Plain, sort_keys=False, allow_unicode=True, width=10**6)
