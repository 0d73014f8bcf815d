"""The generator as A1111 lists a checkpoint: title, short hash, file name. No path of this machine is among them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prep.service.desk import Desk

SHORT = 10  # hex digits of A1111's short hash


@dataclass(frozen=True)
class Checkpoint:
    name: str
    sha256: str  # over all files; of a single one its sha256
    filename: str  # without a folder

    @property
    def hash(self) -> str:
        return self.sha256[:SHORT]

    @property
    def title(self) -> str:
        return f"{self.name} [{self.hash}]" if self.hash else self.name

    def is_called(self, name: Any) -> bool:
        """Whether a client means it: by title, name, file or hash, as A1111 knows its checkpoints."""
        known = {self.title, self.name, self.filename, self.hash, self.sha256}
        return isinstance(name, str) and name.strip().lower() in {each.lower() for each in known if each}

    def listed(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "model_name": self.name,
            "hash": self.hash or None,
            "sha256": self.sha256 or None,
            "filename": self.filename,
            "config": None,
        }


def checkpoint(desk: "Desk") -> Checkpoint | None:
    """None: nothing can be drawn."""
    ref = desk.generator
    if ref is None:
        return None
    given = [Path(path).name for part, path in ref.given if part == "model"]
    files = [file.name for file in ref.spec.files[:1]]
    return Checkpoint(ref.name, ref.digest, Path((given or files or [ref.name])[0]).name)
