"""A1111's prompt syntax, taken out: `\\(` is a parenthesis, (words:1.2) and [words] are emphasis, <lora:...> a network.

The generators here read plain words; what is in brackets stays, with neither brackets nor weights.
"""

import re

NETWORK = re.compile(r"<(?:lora|lyco|hypernet):[^<>]{0,200}>")
WEIGHT = re.compile(r":\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*$")
PAIRS = {"(": ")", "[": "]"}


def plain(prompt: str) -> str:
    """Brackets without a partner stay: `:)` is a face."""
    letters = list(NETWORK.sub("", prompt))
    opened: list[int] = []
    at = 0
    while at < len(letters):
        letter = letters[at]
        if letter == "\\" and at + 1 < len(letters) and letters[at + 1] in "()[]\\":
            letters[at] = ""
            at += 1
        elif letter in PAIRS:
            opened.append(at)
        elif opened and letter == PAIRS[letters[opened[-1]]]:
            _emphasis(letters, opened.pop(), at)
        at += 1
    return "".join(letters)


def _emphasis(letters: list[str], first: int, last: int) -> None:
    """Take out the brackets at these places and, of round ones, the weight before the last."""
    if letters[first] == "(":
        near = "".join(letters[max(first + 1, last - 16) : last])  # no weight is longer
        if weight := WEIGHT.search(near):
            start = last - (len(near) - weight.start())
            letters[start:last] = [""] * (last - start)
    letters[first] = letters[last] = ""
