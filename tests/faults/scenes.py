"""What can go wrong in the middle: runs and commands that write, what a person did before, and how each must end."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from tests.faults.operations import killed
from tests.support.person import HIGH, LOW, NOTHING, SIDE, Art
from tests.support.pictures import drawing, save

FORMATS = ("imagefolder", "webdataset", "ai-toolkit", "onetrainer", "simpletuner")


def run(*sets: str, options: tuple[str, ...] = ()) -> tuple:
    given = [word for each in (*SIDE, *NOTHING, *sets) for word in ("--set", each)]
    return ("run", "ART", "--out", "OUT", "--runner", "fake", "--yes", *options, *given)


@dataclass(frozen=True)
class Scene:
    """before: what a person did, to SRC and OUT. Then `command` is killed and `again` typed; it may have happened or,
    where it only decides, not."""

    command: tuple
    again: tuple
    before: Callable[[Art], object] = lambda art: None
    drawn: bool = False
    fresh: bool = False  # without an OUT
    decides: bool = False


def worked(art: Art) -> None:
    """Words added, a picture taken out, one retouched, one added."""
    art.add("000", "by hand")
    art.image("001").unlink()
    ImageOps.invert(Image.open(art.image("002")).convert("RGB")).save(art.image("002"))
    save(drawing(31, 64, 64), art.image("noa/000.png").with_name("found.png"))


def moved(art: Art) -> None:
    """Worked on, and then pictures leave SRC, go to another character, and come in; a folder has other repeats."""
    worked(art)
    shutil.move(art.art / "mira" / "000.png", art.art / "noa" / "moved.png")
    (art.art / "mira" / "002.png").unlink()
    save(drawing(32, 64, 64), art.art / "mira" / "new.png")
    folder = art.text("noa/000.png").parent
    folder.rename(folder.with_name("7_noa"))


def foreign(art: Art) -> None:
    """A caption that is no text, and pages that a person wrote into."""
    art.text("000").write_bytes("水着".encode("shift-jis"))
    for name in ("problems.txt", "kohya/dataset.toml"):
        with (art.out / name).open("a") as file:
            file.write("# mine\n")


def faulty(art: Art) -> None:
    """What `prep lint --fix` mends."""
    art.text("000").write_bytes(b"")
    art.text("001").write_text("\ufeffmira, 1girl", "utf-8")
    picture = Image.open(art.image("002")).convert("RGBA")
    picture.putalpha(90)
    picture.save(art.image("002"))
    art.image("noa/000.png").rename(art.image("noa/000.png").with_suffix(".Png"))
    toml = art.out / "kohya" / "dataset.toml"
    toml.write_text(toml.read_text().replace("= true", '= "true"', 1))


RUN, OTHER = run(*HIGH), run(*LOW)
DRAWN = "DRAWN"  # stands for the settings of a run that draws
SCENES = {
    "a first run": Scene(RUN, RUN, fresh=True),
    "a first run that draws": Scene((DRAWN,), (DRAWN,), drawn=True, fresh=True),
    "a person's work and another threshold": Scene(OTHER, OTHER, worked),
    "pictures that moved, left and came": Scene(RUN, RUN, moved),
    "foreign bytes, set aside": Scene(RUN, RUN, foreign),
    "sidecars in SRC": Scene(*[run(*LOW, "captions.sidecars=source")] * 2, worked),
    "other repeats": Scene(*[run(*HIGH, options=("--rebalance", "--restore"))] * 2, moved),
    "a person's work while it draws": Scene((DRAWN,), (DRAWN,), worked, drawn=True),
    "prep exclude": Scene(("exclude", "OUT", "mira/000.png"), RUN, worked, decides=True),
    "prep tags": Scene(("tags", "OUT", "--add", "a new tag"), RUN, worked, decides=True),
    "prep undo": Scene(("undo", "OUT"), RUN, worked, decides=True),
    "prep lint --fix": Scene(*[("lint", "OUT", "--fix")] * 2, faulty),
    **{f"prep export --to {name}": Scene(*[("export", "OUT", "--to", name)] * 2, worked) for name in FORMATS},
}


class Trial:
    def __init__(
        self, scene: Scene, root: Path, begun: Path, drawn: tuple[Path, tuple[str, ...]], tagger: Path
    ) -> None:
        self.scene, self.root, self.tagger = scene, root, tagger
        self.drawn = ("run", "ART", "--out", "OUT", "--runner", "fake", "--yes",
                      *(word for each in (*SIDE, *NOTHING, *drawn[1]) for word in ("--set", each)))  # fmt: skip
        shutil.copytree(drawn[0] if scene.drawn else begun, root / "made")
        scene.before(Art(root / "made", tagger))
        if scene.fresh:
            shutil.rmtree(root / "made" / "out")
        self.whole = [self.ended(False)] if scene.decides else []
        self.whole.append(self.ended(True))

    def filled(self, command: tuple, folder: Path) -> tuple:
        command = self.drawn if command == (DRAWN,) else command
        places = {"ART": folder / "art", "OUT": folder / "out"}
        words = tuple(str(places.get(word, word)) for word in command)
        return (*words, "--set", f"tagger.model={self.tagger}") if command[0] == "run" else words

    def copy(self) -> Path:
        folder = self.root / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.root / "made", folder)
        return folder

    def ended(self, done: bool) -> dict[str, str]:
        """What is there at the end when nothing is killed, with the command and without it."""
        folder = self.copy()
        commands = [self.scene.command] * done + [self.scene.again]
        killed([self.filled(command, folder) for command in commands], folder)
        return tree(folder)

    def operations(self) -> int:
        folder = self.copy()
        return killed([self.filled(self.scene.command, folder)], folder)

    def survives(self, number: int) -> None:
        folder = self.copy()
        assert not killed([self.filled(self.scene.command, folder)], folder, number), f"{number} was never reached"
        killed([self.filled(self.scene.again, folder)], folder)
        found = tree(folder)
        nearest = min(self.whole, key=lambda whole: len(whole.items() ^ found.items()))
        assert found in self.whole, f"operation {number}: {sorted(nearest.items() ^ found.items())}"


def tree(folder: Path) -> dict[str, str]:
    """Every file of SRC and of the set but prep's own state -> sha256."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not _left_behind(path))
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if ".prep" not in path.relative_to(folder).parts
    }


def _left_behind(path: Path) -> bool:
    """A caption whose picture `prep lint --fix` has put aside as .orig: the last file that it takes away."""
    return path.suffix == ".txt" and path.with_suffix(".png.orig").exists() and not path.with_suffix(".png").exists()
