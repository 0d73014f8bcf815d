"""A text without the secrets that it repeats, whole or in part: in other letters, in a URL, in base64, cut off.

Knows no server and no setting: what is secret is given.
"""

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "..."
CLOSING = " .*\"'`)]}>\u2026"  # may follow where a text was cut off
RUN = 6  # so many letters of a secret, wherever they are in it, are masked; of a shorter one, all of it
BEGINNING = 3  # so many letters are masked at the end of a text that was cut off


def masked(text: str, secrets: Iterable[str]) -> str:
    """Every run of letters that a secret has becomes MASK. Takes time for each letter: cut a long text before."""
    found, small = bytearray(len(text)), _lower(text)
    end = len(small.rstrip(CLOSING))
    for spelling in {_lower(each) for secret in secrets if secret for each in _spellings(secret)}:
        length = min(RUN, len(spelling))
        runs = {spelling[at : at + length] for at in range(len(spelling) - length + 1)}
        for at in range(len(small) - length + 1):
            if small[at : at + length] in runs:
                found[at : at + length] = b"\1" * length
        for length in range(min(len(spelling), end), BEGINNING - 1, -1):
            if small.endswith(spelling[:length], 0, end):
                found[end - length : end] = b"\1" * length
                break
    letters = (
        MASK if hit and (not at or not found[at - 1]) else "" if hit else text[at] for at, hit in enumerate(found)
    )
    return "".join(letters)


def _lower(text: str) -> str:
    """As many letters as before."""
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def _spellings(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogatepass")
    yield from (secret, quote(data), quote(data, safe=""), quote_plus(data))
    for before in range(3):  # bytes of another text, before it in the same base64
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(bytes(before) + data).decode().rstrip("=")
            own = whole[(8 * before + 5) // 6 : len(whole) - ((before + len(data)) % 3 > 0)]
            if len(own) >= BEGINNING:
                yield own
