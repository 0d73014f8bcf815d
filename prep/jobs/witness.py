"""Looking at pictures as a job: a witness sees each picture once, real or drawn, and what it saw is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.checks.witnessed import Witnessed, references
from prep.config import recipe
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import open_image
from prep.ledger import Ledger, Shelf, Writer
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.spans import spent
from prep.protocols import Needs, Outcome, Witness
from prep.types import ImageRef, Problem

VERSION = 1
BATCH = 16

WITNESS = Shelf("witness", (pa.field("seen", pa.list_(pa.float32())),), made_again=True)
MEASURED = Shelf("measured", (pa.field("measure", pa.float64()),), made_again=True)


def witness_recipe(witness: ModelRef) -> str:
    """The recipe of what it saw and measured: its files, and changed options."""
    more = [witness.own_options] if witness.own_options else []
    return recipe("witness", VERSION, witness.digest, *more)


@dataclass(frozen=True)
class ToLook:
    """A picture for a witness. drawn: its path is relative to the dataset folder, else to SRC."""

    ref: ImageRef
    drawn: bool


def to_look(
    ledger: Ledger, witness: ModelRef, drawn: Iterable[ImageRef], real: Mapping[str, Sequence[ImageRef]]
) -> list[ToLook]:
    """The pictures that this witness has yet to look at, each once. real: a character's own; one that is about damage
    looks at none of them.
    """
    asked = [ToLook(ref, True) for ref in drawn]
    if witness.make().about == "identity" and asked:
        characters = {each.ref.character for each in asked}
        for character in sorted(characters & real.keys()):
            by_hash = {ref.sha256: ref for ref in real[character]}
            asked += [ToLook(by_hash[sha256], False) for sha256 in references(by_hash)]
    known = ledger.book(WITNESS, witness_recipe(witness))
    return [*{each.ref.sha256: each for each in asked if each.ref.sha256 not in known}.values()]


def open_witnessed(ledger: Ledger, witnesses: Iterable[ModelRef]) -> Witnessed:
    """What these witnesses have seen and measured. No network is opened until something new is compared.

    Raises WeightsError when a file is missing or of another kind.
    """
    books, made, known = {}, {}, {}
    for ref in witnesses:
        witness: Witness = ref.make()
        books[witness.about], made[witness.about] = ledger.book(WITNESS, witness_recipe(ref)), witness
        rows = ledger.rows(MEASURED, witness_recipe(ref))
        known |= {subject: row["measure"] for subject, row in rows.items()}
    return Witnessed(books, made, known)


def keep_measures(ledger: Ledger, witnessed: Witnessed, witnesses: Iterable[ModelRef]) -> None:
    """Keep what was measured since, so that a second run compares nothing."""
    rows = [
        {"subject": subject, "recipe": witness_recipe(ref), "measure": measure}
        for ref in witnesses
        for subject, measure in witnessed.new.pop(ref.make().about, {}).items()
    ]
    if rows:
        ledger.write(MEASURED, rows)


class WitnessJob:
    """Not isolated: whatever crashes a decoder was found by the scan, or drawn by prep."""

    name = "witness"
    isolated = False
    batch = BATCH

    def __init__(self, src: Path, out: Path, ledger: Ledger, witness: ModelRef, max_pixels: int) -> None:
        """out: the dataset folder."""
        self.src, self.out = src, out
        self.ledger = ledger
        self.witness = witness
        self.recipe = witness_recipe(witness)
        self.max_pixels = max_pixels
        # The file's weights once more, and activations of one picture of 384 px: an estimate.
        self.needs = Needs(cpus=1, keeps_memory=True, memory_bytes=600_000_000)

    def open(self, worker: str) -> None:
        self.borrowed = ExitStack()
        self.eye: Witness = self.borrowed.enter_context(MEMORY.lend(self.witness))
        self.writer: Writer = self.ledger.writer(WITNESS, worker)

    def run(self, items: Sequence[ToLook]) -> Iterator[Outcome]:
        for item in items:
            yield Outcome(item.ref.sha256, self._look(item))
        self.writer.flush()

    def lost(self, item: ToLook) -> Outcome:
        return Outcome(item.ref.sha256, Problem("check", "crash", "looking at it crashed", "run again"))

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        self.borrowed.close()
        return {}

    def _look(self, item: ToLook) -> Problem | None:
        try:
            data = read_file((self.out if item.drawn else self.src) / item.ref.path, PICTURE_BYTES, follow=True)
            pixels = open_image(data, self.max_pixels).pixels
        except OSError as error:
            return Problem("check", "gone", f"can no longer be read ({error.strerror})", "run again")
        except ImageError as error:
            return Problem("check", error.kind, error.message, error.hint)
        with spent("infer"):
            seen = self.eye.look(pixels)
        self.writer.append({"subject": item.ref.sha256, "recipe": self.recipe, "seen": seen.tolist()})
        return None
