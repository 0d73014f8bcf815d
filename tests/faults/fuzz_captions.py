"""Captions bent in their words and in their bytes: as text, and as files of a set that a run then reads."""

import hashlib
import random
import shutil
from functools import partial
from pathlib import Path

from prep.edits.merge import Hand, edited, items, key, merged, source
from prep.edits.sidecar import caption_text
from prep.errors import ImageError
from prep.lint.captions import RULES, read_caption
from prep.lint.use import use_of_name
from tests.faults.apart import typed
from tests.faults.fuzz import several
from tests.support.person import HIGH, NOTHING, SIDE

MACHINE = ("mira", "1girl", "solo", "smile", "white shirt")
PIECES = (
    "", " ", ",", ", ,", "\n", "\r\n", "\r", "\0", "\u2028", "\x85", "\ufeff", "\u200b", "\x1b[31m", "a, b", "mira",
    "Mira", "1girl", "no shirt", "white_shirt", "^_^", "(hat)", "\\(hat\\)", "(hat:1.2)", "{a|b}", "|||", "BREAK",
    "<lora:x:1>", "初音ミク", "e\u0301", "\u00e9", "ﬁ", "İ", "😀",
    "A girl stands in a garden, and smiles.", "x" * 3000, "%s",
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "shift-jis", "gbk", "cp1252", "utf-7")


def bent_caption(rng: random.Random) -> bytes:
    words = [*MACHINE]
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(words) + 1)
        words[at : at + rng.choice((0, 0, 1))] = [rng.choice(PIECES)]
    text = rng.choice((", ", ", ", ",", "\n", " ,, ")).join(words)
    data = text.encode(rng.choice(ENCODINGS), "ignore")
    return several(data, rng) if rng.random() < 0.4 else data


def _text(data: bytes) -> str | None:
    """None: no caption, and a sentence says so."""
    try:
        text = caption_text(data)
    except ImageError as error:
        assert error.kind == "caption" and "\n" not in str(error)
        return None
    assert "\0" not in text and text == text.strip()
    text.encode()  # what is kept can be written again
    return text


def words_trial(scratch: Path, number: int) -> str:
    """What a person wrote stands, and what the machine newly finds comes in once."""
    rng = random.Random(number)
    data = bent_caption(rng)
    path = scratch / f"{number}.txt"
    path.write_bytes(data)
    list(RULES.check(read_caption(path, path.name, use_of_name("10_mira"))))
    path.unlink()
    if (text := _text(data)) is None:
        return "no caption"
    state = edited(Hand(", ".join(MACHINE), MACHINE), text)
    assert merged(state, MACHINE) == text or not text.strip()
    later = merged(state, (*MACHINE, "hat"))
    had = {key(item) for item in items(text)}
    assert had - {key(item) for item in items(later)} == set() or not text, (text, later)
    gone = {key(item) for item in MACHINE} - had
    assert state.verbatim or not gone & {key(item) for item in items(later)}, (text, later)
    assert source(state, later) in ("hand", "merged")
    return "a caption"


def files_trial(begun: Path, tagger: Path, scratch: Path, number: int) -> str:
    """Bent captions in kohya/ and beside images of SRC: all that they say is kept, as words or as the file."""
    rng = random.Random(number)
    root = scratch / f"{number}"
    shutil.copytree(begun, root)
    art, out = root / "art", root / "out"
    standing = sorted((out / "kohya").rglob("*.txt"))
    bent = {path: bent_caption(rng) for path in rng.sample(standing, rng.choice((1, 2, len(standing))))}
    taken = {path.name.partition("-")[0] for path in bent}
    images = [path for path in sorted(art.rglob("*.png")) if path.stem not in taken]
    beside = {path.with_suffix(".txt"): bent_caption(rng) for path in images[: rng.choice((0, 1, 2))]}
    for path, data in (bent | beside).items():
        path.write_bytes(data)
    sets = [f"tagger.model={tagger}", *SIDE, *NOTHING, *HIGH]
    options = [word for each in sets for word in ("--set", each)]
    run = partial(typed, "run", art, "--out", out, "--runner", "fake", "--yes", *options)
    for _ in range(2):
        said = run()
        assert said.code in (0, 1), said.err
        for path, data in bent.items():
            _kept(out, path, data)
        assert all(path.read_bytes() == data for path, data in beside.items()), "a caption in SRC was changed"
    before = _files(out)
    run()
    assert _files(out) == before, "a run with nothing to do has changed the set"
    for command in (("status",), ("status", "--diff"), ("tags",), ("lint",), ("export", "--to", "imagefolder")):
        typed(command[0], out, *command[1:])
    while (said := typed("undo", out)).code == 0 and not said.out.startswith("nothing"):
        pass
    typed("lint", out, "--fix")
    assert run().code in (0, 1)
    shutil.rmtree(root)
    return "a set with such captions"


def _kept(out: Path, path: Path, data: bytes) -> None:
    text = _text(data)
    if text is None:
        assert hashlib.sha256(data).hexdigest() in _files(out).values(), f"{path.name} is gone: {data[:80]!r}"
        return
    stands = caption_text(path.read_bytes())
    missing = {key(item) for item in items(text)} - {key(item) for item in items(stands)}
    assert not missing, f"{missing} is no longer in {path.name}: {stands!r}"


def _files(out: Path) -> dict[str, str]:
    found = (path for path in sorted(out.rglob("*")) if path.is_file() and ".prep" not in path.relative_to(out).parts)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def caption_trial(begun: Path, tagger: Path, scratch: Path, number: int) -> str:
    """A trial for `apart.tried`: of each thirty, one is a whole set."""
    if number % 30 == 7:
        return files_trial(begun, tagger, scratch, number)
    return words_trial(scratch, number)
