"""Which file holds each part of a model: read from headers, so that missing parts are reported before any load."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from prep.errors import WeightsError
from prep.generators.sd35.folder import FOLDERS, alone, open_folder
from prep.generators.sd35.header import describe

NAMES = {"clip_l": "CLIP-L", "clip_g": "CLIP-G", "t5": "T5", "vae": "VAE"}


@dataclass(frozen=True)
class Files:
    """model: a safetensors file or a diffusers folder. The others: set if they have files or folders of their own."""

    model: Path
    vae: Path | None = None
    clip_l: Path | None = None
    clip_g: Path | None = None
    t5: Path | None = None

    @property
    def folder(self) -> Path:
        """Where tokenizers would be."""
        return self.model if self.model.is_dir() else self.model.parent

    def held(self) -> set[str]:
        """The parts that are there. Raises WeightsError for a file that is unreadable, or lacks the part it is for."""
        if self.model.is_dir():
            folders = {**FOLDERS, "vae": "vae"}
            found = {name for name, folder in folders.items() if (self.model / folder).is_dir()}
        else:
            found = set(describe(self.model).parts)
        for name in NAMES:
            path = getattr(self, name)
            if path is None:
                continue
            check_part(name, path)
            found.add(name)
        return found

    def check(self, with_t5: bool) -> set[str]:
        """The parts that are there. Raises WeightsError, naming the setting for the missing one."""
        held = self.held()
        for name in ("vae", "clip_l", "clip_g", *(["t5"] if with_t5 else [])):
            if name not in held:
                other = ", or set `generator.sd35.with_t5` to false: SD3.5 works without it" if name == "t5" else ""
                raise WeightsError(
                    f"{self.model.name} holds no {NAMES[name]}, and no file for it is set",
                    hint=alone(self.model) or f"fetch one and set its path: `--set generator.sd35.{name}=FILE`{other}",
                )
        return held

    def identity(self) -> str:
        """Names, sizes and times of the files that encode prompts, as 16 hex digits."""
        facts = []
        for path in (self.model, self.clip_l, self.clip_g, self.t5):
            files = sorted(path.rglob("*.safetensors")) if path and path.is_dir() else [path] if path else []
            facts.append([[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files])
        return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def check_part(name: str, path: Path) -> None:
    """name: of NAMES; path: a file or a folder. Raises WeightsError when it does not hold that."""
    if path.is_dir():
        open_folder(path, FOLDERS.get(name, name))
        return
    parts = set(describe(path).parts)
    if not parts & ({name, "clip"} if name.startswith("clip") else {name}):
        said = f"{path.name} holds no {NAMES[name]}, but {', '.join(sorted(parts))}"
        raise WeightsError(said, hint=f"set `generator.sd35.{name}` to another file")
