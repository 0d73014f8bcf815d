"""The text beside a picture in A1111's form: prompt, `Negative prompt: ...`, and a line of `Name: value` pairs."""

import json
import re
from collections.abc import Mapping
from typing import Any

PAIR = re.compile(r'\s*(\w[\w \-/]{0,80}):\s*("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')
SIZE = re.compile(r"(\d+)x(\d+)")
NEGATIVE = "Negative prompt:"
FEWEST = 3  # pairs, or the last line is still the prompt
LONGEST_LINE = 20_000  # letters


def written(prompt: str, negative: str, pairs: Mapping[str, Any]) -> str:
    """pairs whose value is None are left out."""
    line = ", ".join(f"{name}: {_quoted(value)}" for name, value in pairs.items() if value is not None)
    return "\n".join([prompt, *([f"{NEGATIVE} {negative}"] if negative else []), line])


def parsed(text: str) -> dict[str, str]:
    """All that is in it by A1111's names: Prompt, Negative prompt, Steps, ..., and a size as Size-1 and Size-2."""
    *lines, last = text.strip().split("\n")
    pairs = PAIR.findall(last) if len(last) <= LONGEST_LINE else []
    if len(pairs) < FEWEST:
        lines.append(last)
        pairs = []
    found = {"Prompt": [], "Negative prompt": []}
    part = "Prompt"
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE):
            part, line = "Negative prompt", line.removeprefix(NEGATIVE).strip()
        found[part].append(line)
    result = {name: "\n".join(lines) for name, lines in found.items()}
    for name, value in pairs:
        value = _unquoted(value.strip())
        if size := SIZE.fullmatch(value):
            result[f"{name}-1"], result[f"{name}-2"] = size.groups()
        else:
            result[name] = value
    return result


def _quoted(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n\"]", text) else text


def _unquoted(text: str) -> str:
    try:
        found = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return found if isinstance(found, str) else text
