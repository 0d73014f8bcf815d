"""One file of a finished OUT is bent or cut, then commands are typed: what each may do, and what must still stand."""

import functools
import hashlib
import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from prep.edits.sidecar import caption_text
from prep.errors import ImageError, StoppedError
from prep.ledger import DryLedger, Ledger, Shelf
from tests.faults.apart import Said, typed

FORMAT = "imagefolder"
MINE = ("problems.txt", "set_aside/", ".prep/", "export/")  # what a damage may rightly change, beside its own file


@dataclass(frozen=True)
class Finished:
    """A set with a person's work in it, as it stood before anything was damaged."""

    src: Path
    out: Path
    settings: tuple[str, ...]
    words: dict[str, str]  # caption under OUT -> a word that a person wrote into it
    files: tuple[str, ...]  # sha256 of a person's own files
    excluded: tuple[str, ...]  # paths in SRC of pictures that a person took out
    rejected: tuple[str, ...]  # image_id of drawn ones that a person rejected
    tree: dict[str, str]  # file under OUT -> its sha256, with .prep

    def run(self, out: Path) -> Said:
        sets = [word for each in self.settings for word in ("--set", each)]
        return typed("run", self.src, "--out", out, "--runner", "fake", "--yes", *sets)


def everything(out: Path) -> dict[str, str]:
    """Every file of OUT -> sha256; the lock and the log are nobody's."""
    found = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.relative_to(out).parts not in ((".prep", "lock"), (".prep", "log"))
    }


def bent(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """-> (what was done, the bytes after it)."""
    at = rng.randrange(len(data)) if data else 0
    how = rng.choice(("flip", "flip", "flip", "flips", "cut", "cut", "empty", "zeros", "longer", "junk"))
    if not data or how == "junk":
        return "junk", rng.randbytes(len(data) or 100)
    if how in ("flip", "flips"):
        changed = bytearray(data)
        for place in [at] + [rng.randrange(len(data)) for _ in range(7 * (how == "flips"))]:
            changed[place] ^= 1 << rng.randrange(8)
        return how, bytes(changed)
    if how == "zeros":
        return how, data[:at] + bytes(len(data[at : at + 512])) + data[at + 512 :]
    return how, {"cut": data[:at], "empty": b"", "longer": data + rng.randbytes(20)}[how]


def damaged(finished: Finished, scratch: Path, number: int) -> str:
    """A trial for `apart.tried`: damage one file of a copy, type the commands -> where the damage was."""
    rng = random.Random(number)
    out = scratch / f"{number}"
    shutil.copytree(finished.out, out)
    kinds: dict[str, list[str]] = {}
    for name in finished.tree:
        kinds.setdefault(_kind(name), []).append(name)
    kind = rng.choice(sorted(kinds))
    name = rng.choice(kinds[kind])
    how, data = bent((out / name).read_bytes(), rng)
    (out / name).write_bytes(data)
    try:
        _commands(finished, out, name, data, early=rng.random() < 0.5)
    except Exception as error:
        raise AssertionError(f"{how} in {name}: {error}") from error
    shutil.rmtree(out)
    return "of the ledger" if kind.startswith(".prep/ledger/") else f"of {kind.partition('/')[0]}"


def read_again(finished: Finished, scratch: Path, number: int) -> str:
    """A trial for `apart.tried`: bend one part of the ledger, and read its shelf -> what became of it."""
    rng = random.Random(number)
    parts = sorted(
        name for name in finished.tree if name.startswith(".prep/ledger/") and Path(name).parts[2] in shelves()
    )
    name = rng.choice(parts)
    shelf, folder = shelves()[Path(name).parts[2]], scratch / f"{number}"
    before = Ledger(finished.out / ".prep" / "ledger").rows(shelf)
    shutil.copytree(finished.out / ".prep" / "ledger" / shelf.name, folder / shelf.name)
    part = folder / shelf.name / Path(name).name
    how, data = bent(part.read_bytes(), rng)
    part.write_bytes(data)
    ledger = DryLedger(folder)
    try:
        rows = ledger.rows(shelf)
    except StoppedError:
        return "refused"
    finally:
        shutil.rmtree(folder)
    assert ledger.passed_over or rows == before, f"{how} in {name}: other rows than were written, and nothing is said"
    return "passed over" if ledger.passed_over else "as it was"


@functools.cache
def shelves() -> dict[str, Shelf]:
    """Every shelf that a part of prep has, by its name."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("prep.")]
    return {each.name: each for module in modules for each in vars(module).values() if isinstance(each, Shelf)}


def _kind(name: str) -> str:
    """Such as `kohya/*.txt`, or the shelf of the ledger: each is hit as often, however many files it has."""
    parts = Path(name).parts
    return f"{'/'.join(parts[:-1][:3])}/*{Path(name).suffix}" if len(parts) > 1 else name


def _commands(finished: Finished, out: Path, name: str, data: bytes, early: bool) -> None:
    before = everything(out)
    typed("status", out)
    typed("lint", out)
    assert everything(out) == before, "a command that only reads has written"
    if early:
        _export(finished, out, name)
    said = finished.run(out)
    if said.code == 3 and "elete that file" in said.err:
        (out / name).unlink()
        said = finished.run(out)
    assert said.code in (0, 1), said.err
    _person(finished, out, name, data)
    _result(finished, out, name)
    for command in (("status", out), ("lint", out)):
        typed(*command)
    _export(finished, out, name)
    typed("undo", out)


def _person(finished: Finished, out: Path, name: str, data: bytes) -> None:
    """Nothing of a person's is gone."""
    there = everything(out)
    texts = {place: (out / place).read_bytes() for place in there if place.startswith(("kohya/", "set_aside/"))}
    for place, word in finished.words.items():
        if place != name:
            assert word.encode() in texts.get(place, b""), f"{word!r} is no longer in {place}"
    for sha256 in finished.files:
        own = finished.tree[name] == sha256
        assert own or sha256 in there.values(), f"a person's file {sha256[:8]} is gone"
    if not name.startswith(".prep/") and name != "problems.txt" and not _kept_as_text(out, name, data):
        assert hashlib.sha256(data).hexdigest() in there.values(), "what stood there after the damage is gone"
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    for source in finished.excluded:
        assert {row["status"] for row in rows if row["source"] == source} == {"excluded"}, f"{source} is in again"
    for image in finished.rejected:
        assert {row["status"] for row in rows if row["image_id"] == image} <= {"rejected"}, f"{image} is in again"


def _kept_as_text(out: Path, name: str, data: bytes) -> bool:
    """A caption that still is text was edited, as far as anybody can see: its words stand."""
    if not name.startswith("kohya/") or not name.endswith(".txt"):
        return False
    try:
        text = caption_text(data)
    except ImageError:
        return False
    return text == caption_text((out / name).read_bytes())


def _result(finished: Finished, out: Path, name: str) -> None:
    """The set is what it was, but for the file itself."""
    there = everything(out)
    for place, sha256 in finished.tree.items():
        if place == name or place.startswith(MINE):
            continue
        shows = place == "manifest.parquet" or place.endswith("/sheet.png")
        if shows and name.startswith(("kohya/", "generated/")):
            continue  # it shows what became of the damaged file
        assert there.get(place) == sha256, f"{place} {'changed' if place in there else 'is gone'}"


def _export(finished: Finished, out: Path, name: str) -> None:
    """The view is what it was, or the command says that something is wrong."""
    said = typed("export", out, "--to", FORMAT)
    if said.code or name.startswith(("kohya/", "generated/")):
        return
    folder = Path("export") / FORMAT
    there = {place: each for place, each in everything(out).items() if Path(place).is_relative_to(folder)}
    whole = {place: each for place, each in finished.tree.items() if Path(place).is_relative_to(folder)}
    changed = sorted(place for place in whole if there.get(place) != whole[place] and place != name)
    assert not changed, f"the export has another {changed[0]}, and nothing is said: {said.out}"
