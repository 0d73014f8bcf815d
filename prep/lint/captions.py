"""One caption file: its bytes, its lines, and how sd-scripts reads them. Knows nothing about the picture."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from prep.files import CAPTION_BYTES, NotAFileError, read_file
from prep.lint import fix
from prep.lint.findings import Found, Rules
from prep.lint.use import Use

RULES = Rules(": ")
CLIP_TOKENS = 77  # including start and end
SEPARATOR = "|||"
# CLIP's own pre-tokenisation; words may be split further, so this is a lower bound.
CLIP_PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+", re.IGNORECASE)
CHOICE = re.compile(r"\{[^{}|]*\|[^{}]*\}")


@dataclass(frozen=True)
class Caption:
    path: Path
    shown: str
    use: Use
    data: bytes
    text: str | None  # without a byte-order mark; None: not readable
    problem: str

    @cached_property
    def lines(self) -> list[str]:
        return [line.strip() for line in re.split(r"\r\n|\r|\n", self.text or "")]

    @cached_property
    def read(self) -> str:
        """What sd-scripts reads: with enable_wildcard all non-empty lines, otherwise the first line."""
        return "\n".join(filter(None, self.lines)) if self.use.wildcard else self.lines[0]


def read_caption(path: Path, shown: str, use: Use) -> Caption:
    """Never raises: a file that cannot be read comes back with its problem."""
    try:
        data = read_file(path, CAPTION_BYTES, follow=True)
    except NotAFileError:
        return Caption(path, shown, use, b"", None, "is not a regular file")
    except OSError as error:
        return Caption(path, shown, use, b"", None, f"cannot be read ({error.strerror or error})")
    try:
        return Caption(path, shown, use, data, data.removeprefix(fix.BOM).decode("utf-8"), "")
    except UnicodeDecodeError as error:
        return Caption(path, shown, use, data, None, f"is not UTF-8 (byte {error.start})")


@RULES.rule(
    "caption-unread",
    "error",
    "a caption that is not plain UTF-8 text, or is over 1 MB",
    "sd-scripts stops when it reads the file (a folder or fifo counts as no caption)",
    "save it as UTF-8",
)
def unread(caption: Caption) -> Iterator[Found]:
    if caption.text is None:
        yield Found(caption.problem)


@RULES.rule(
    "caption-bom",
    "error",
    "begins with a byte-order mark",
    "the mark becomes part of the first tag, your trigger word",
    "save as UTF-8 without BOM",
    fixable=True,
)
def bom(caption: Caption) -> Iterator[Found]:
    if caption.text is not None and caption.data.startswith(fix.BOM):
        yield Found("begins with a byte-order mark", fix=partial(fix.without_bom, caption.path))


@RULES.rule(
    "caption-empty",
    "error",
    "a caption of 0 bytes",
    "sd-scripts stops with an AssertionError",
    "write a lone newline, which is an empty caption",
    fixable=True,
)
def empty(caption: Caption) -> Iterator[Found]:
    if caption.text is not None and not caption.data:
        yield Found("is 0 bytes long", fix=partial(fix.not_empty, caption.path))


@RULES.rule(
    "caption-lines",
    "error",
    "more than one line without enable_wildcard",
    "only the first line is read",
    "join the lines with commas, or set enable_wildcard = true; --fix cannot know which",
)
def many_lines(caption: Caption) -> Iterator[Found]:
    rest = sum(map(bool, caption.lines[1:]))
    if rest and not caption.use.wildcard:
        yield Found(f"{rest} more {'line' if rest == 1 else 'lines'} after the one that is read")


@RULES.rule(
    "caption-separator",
    "warning",
    "a keep_tokens_separator that stays in the caption",
    "it is removed only if keep_tokens_separator is set to it and shuffling, tag dropout or token warm-up is on",
    "remove it from the captions, or add both settings",
)
def separator(caption: Caption) -> Iterator[Found]:
    mark = caption.use.separator or SEPARATOR
    if mark in caption.read and not (caption.use.separator and caption.use.separator_cut):
        yield Found(f"{mark!r} is trained as text")


@RULES.rule(
    "caption-braces",
    "warning",
    "braces that sd-scripts does not read as intended",
    "with enable_wildcard, {a|b} is a random choice and other braces vanish; without it, {a|b} is trained as text",
    "set enable_wildcard = true for {a|b}; with it, write {{ and }} for a literal brace",
)
def braces(caption: Caption) -> Iterator[Found]:
    text = caption.read.replace("{{", "").replace("}}", "") if caption.use.wildcard else caption.read
    if not caption.use.wildcard and (choice := CHOICE.search(text)):
        yield Found(f"{choice[0][:40]!r} is trained as text")
    left = re.search(r"[{}]", CHOICE.sub("", text))
    if caption.use.wildcard and left:
        yield Found(f"a lone {left[0]!r} under enable_wildcard")


@RULES.rule(
    "caption-trigger",
    "note",
    "a caption without the class_tokens that dataset.toml sets for its folder",
    "the character is learnt without its trigger word; class_tokens are used only for images without a caption",
    "add the trigger word, if the picture shows the character",
)
def trigger(caption: Caption) -> Iterator[Found]:
    word = caption.use.trigger.strip().lower()
    if word and caption.read and word not in caption.read.lower():
        yield Found(f"lacks {caption.use.trigger!r}")


@RULES.rule(
    "caption-long",
    "note",
    "more than 77 CLIP tokens, or than max_token_length in the file of options, by a low estimate",
    "SD3's two CLIP encoders cut there (T5 at 256), and so do SD1 and SDXL without --max_token_length",
    "put trigger, count and outfit first; the last tags are cut",
)
def long(caption: Caption) -> Iterator[Found]:
    base = caption.use.base
    if base and base.reads_sentences:
        return  # forms.py looks at these
    longer = base.options.get("max_token_length") if base else None
    if (tokens := least_tokens(caption)) > (longer + 2 if isinstance(longer, int) else CLIP_TOKENS):
        yield Found(f"at least {tokens} tokens")


def least_tokens(caption: Caption) -> int:
    """Of its longest line, start and end included: a word is one token here, and often two to a text encoder."""
    return 2 + max((sum(1 for _ in CLIP_PIECES.finditer(line)) for line in caption.read.split("\n")), default=0)
