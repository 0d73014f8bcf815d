"""Starting values for a LoRA of the base model that the captions are for, next to the dataset.toml that it reads.

The values follow from the size of the set and from the trainer's documentation. No training was run to find them:
they are starting values, and each names its reason. sd_scripts.py and musubi.py have the texts.
"""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prep.captions.forms import form_of
from prep.dataset.musubi import DATASET, QWEN_IMAGE, Z_IMAGE
from prep.dataset.sd_scripts import ANIMA, FLUX, LUMINA, SD15, SD35, SD35_SENTENCES, SDXL
from prep.dataset.toml import remove_unless_edited, write_unless_edited
from prep.dataset.trainers import MUSUBI, Trainer
from prep.ledger import Ledger
from prep.names import numbered_folder, quantity, slug_of_group

# Base model, as `captions.for` names it -> what trains it. Without a name: as SD3.5, whose captions are plain tags.
TRAINERS: Mapping[str, Trainer] = {
    "": SD35,
    "sd15": SD15,
    "sdxl": SDXL,
    "sd35": SD35_SENTENCES,
    "flux": FLUX,
    "anima": ANIMA,
    "lumina": LUMINA,
    "z-image": Z_IMAGE,
    "qwen": QWEN_IMAGE,
}


@dataclass(frozen=True)
class Start:
    """Starting values for a set of this size."""

    images: int
    characters: int
    steps_an_epoch: int  # images times repeats, at batch size 1

    @property
    def views(self) -> int:
        """How often to show a character: 100 times per image, at least 800; fewer per image in a large set."""
        each = self.images / self.characters
        return round(min(max(800, 100 * each), 1500 + 5 * each))

    @property
    def epochs(self) -> int:
        return max(1, round(self.views * self.characters / self.steps_an_epoch))

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_an_epoch

    @property
    def save_every(self) -> int:
        """In epochs: about five checkpoints to choose from."""
        return max(1, self.epochs // 5)

    @property
    def dim(self) -> int:
        """The rank: what one character needs, and more for several."""
        return 16 if self.characters <= 4 else 32 if self.characters <= 16 else 64


def write_training(kohya: Path, base: str, start: Start, resolution: int, datasets: str, ledger: Ledger) -> list[str]:
    """Write the options for the base model's trainer; as NAME.new.toml beside them if the user has changed the file.

    datasets: musubi-tuner's dataset file for this set. Files for another base model, which prep wrote and nobody
    changed, are removed. -> the names of files that the user has changed.
    """
    trainer = TRAINERS[base]
    texts = {trainer.file: training_toml(base, start, resolution)}
    texts |= {DATASET: datasets} if trainer.home == MUSUBI else {}
    for name in sorted({each.file for each in TRAINERS.values()} | {DATASET}):
        if name not in texts:
            remove_unless_edited(kohya.parent, f"{kohya.name}/{name}", ledger)
    return [
        name
        for name, text in texts.items()
        if not write_unless_edited(kohya.parent, f"{kohya.name}/{name}", text, ledger)
    ]


def start_of(kohya: Path, images: int, steps_an_epoch: int) -> Start:
    """The characters are those whose folders are in kohya/."""
    found = (numbered_folder(folder.name) for folder in kohya.glob("*/"))
    characters = {slug_of_group(name[1]) for name in found if name}
    return Start(max(1, images), max(1, len(characters)), max(1, steps_an_epoch))


def training_command(kohya: Path, base: str = "") -> str:
    """What starts it, in one line for a shell, or for PowerShell. Assumes that the trainer is in the home folder."""
    trainer = TRAINERS[base]
    if os.name == "nt":
        return "; ".join([f'cd "{kohya}"', *_commands(trainer, _on_windows)])
    return " && ".join([f"cd {shlex.quote(str(kohya))}", *_commands(trainer, _at_home)])


def training_toml(base: str, start: Start, resolution: int) -> str:
    """The file of options. resolution: of the set, pixels."""
    trainer = TRAINERS[base]
    values = {
        name: getattr(start, name) for name in ("characters", "dim", "steps_an_epoch", "steps", "epochs", "save_every")
    }
    values |= {
        "resolution": resolution,
        "views": start.steps // start.characters,
        "warmup": min(100, start.steps // 20),
        "name": f"lora-{base}" if base else "lora",  # one folder takes those of all base models
    }
    return _head(trainer, base, start) + "".join(trainer.blocks).format(**values)


def _head(trainer: Trainer, base: str, start: Start) -> str:
    who = "kohya's sd-scripts" if trainer.home != MUSUBI else "kohya's musubi-tuner"
    captions = f'# The captions are written for {form_of(base).what} (captions.for = "{base}").\n' if base else ""
    return f"""\
# Starting values for a LoRA of {trainer.what} with {who} ({trainer.script}), made by prep for
# this set: {quantity(start.images, "image")} of {quantity(start.characters, "character")}. \
They follow from its size; no training was run to find them.
{captions}\
# If you edit this file, prep leaves it alone and writes its own beside it, as {Path(trainer.file).stem}.new.toml.
# Start it in this folder:
{"".join(f"#   {command}{chr(10)}" for command in _commands(trainer, _at_home))}"""


def _commands(trainer: Trainer, place: Callable[[Trainer, str], str]) -> list[str]:
    """place: a script of the trainer's -> its path, for a shell."""
    first = [script.partition(" ") for script in trainer.before]
    launch = f"accelerate launch {trainer.launch} {place(trainer, trainer.script)} --config_file {trainer.file}"
    return [*(f"python {place(trainer, name)} {options}" for name, _, options in first), launch]


def _at_home(trainer: Trainer, name: str) -> str:
    return f"~/{trainer.folder}/{name}"


def _on_windows(trainer: Trainer, name: str) -> str:
    return f'"{Path.home().joinpath(*trainer.folder.split("/"), name)}"'
