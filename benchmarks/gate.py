"""The check under trial: pictures that are not what was asked, one kind at a time, and pictures that are.

    python benchmarks/gate.py [--drawn] [--damage] [--identity]

Runs examples/characters as `prep run` does, with a forger in the generator's place: it answers each request for an
augmentation with a picture of one kind. --drawn: the starter generator answers too. --damage: what was asked, whole
and broken in each way of starter_training/damage.py, through the starter's autoencoder, from seeds that its witness
never saw; the witness judges them beside the tags. --identity: another character before a witness of identity. No
published one can be fetched where this was written, so that one is made up and sees only the mean colour of a picture:
it shows the road, and its figures say nothing of CCIP. The rule is docs/CHECK.md's, and was written first. The last
line is JSON: by kind, the share of augmentations that was rejected.
"""

import argparse
import hashlib
import json
import runpy
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from prep.config import load_settings
from prep.generators import GENERATORS
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.family import Family
from prep.generators.sd35.vae import load_vae
from prep.images import covering, open_image
from prep.jobs.witness import WitnessJob, open_witnessed, to_look
from prep.ledger import Ledger
from prep.models.witnesses import witnesses_of
from prep.pipeline import road
from prep.protocols import Outcome
from prep.run import Options
from prep.runners import load_runner
from prep.sections import Settings
from prep.types import Check, ImageRef
from starter_training import art, damage, recolour
from starter_training.compose import Actor, Plain, View, compose, fit_window, stand
from starter_training.small import PLAIN
from starter_training.train_generator import GENERATOR
from starter_training.train_witness import round_trip
from tests.support.witness_files import tiny_ccip

EXAMPLES = art.EXAMPLES / "characters"
PLACES = {  # by the tags that augmentations ask for
    "road": "bg_meadow",
    "palm_tree": "bg_club",
    "classroom": "bg_lecturehall",
    "cave": "bg_cave",
    "photo_background": "bg_washington",
} | {f"{colour}_background": colour for colour in PLAIN}
OTHER = {
    "sylvie": ("eileen", "lucy_happy"),
    "eileen": ("sylvie_blue", "lucy_happy"),
    "lucy": ("sylvie_green", "eileen"),
}
EYES = {"sylvie": ("red", "green", "yellow"), "eileen": ("red", "green", "yellow"), "lucy": ("blue", "green", "yellow")}
DRESSES = ("red", "blue")  # that the tagger has a word for


@dataclass(frozen=True)
class Original:
    """What an example shows. shot: how it was framed; None: the sprite as it lies on disk."""

    outfit: str
    face: str
    place: str
    shot: object | None


def originals() -> dict[str, Original]:
    """sha256 of a file -> what it shows."""
    found = {art.figure_path(*pair): Original(*pair, "white", None) for pair in art.faces()}
    for shot in runpy.run_path(str(art.EXAMPLES / "make_examples.py"))["SHOTS"]:
        found[EXAMPLES / shot.file] = Original(shot.outfit, shot.face, shot.scene, shot)
    return {hashlib.sha256(path.read_bytes()).hexdigest(): original for path, original in found.items()}


class Forger:
    """Implements prep.protocols.Generator. What it answers with is `kind`, which is set before a run."""

    kind = ""
    card = SD35Card(
        "forger",
        Family("forger", steps=1, guidance=1.0, shift=1.0, resolution_px=160, step_px=16, published=False),
        resolution=0,
        precision="none",
    )
    notes = {}

    def __init__(self, *_: object) -> None:
        self.originals = originals()

    def encode(self, pictures, kept):
        pass

    def close(self):
        pass

    def draw(self, pictures, parents, kept):
        """pictures: whole requests, as a run asks for them."""
        for request in pictures:
            rng = np.random.default_rng(request.seed)
            if request.kind != "augmentation":
                yield request.key, np.full((request.height, request.width, 3), 255, np.uint8)
            else:
                paint = self._broken if self.kind in damage.KINDS else getattr(self, self.kind)
                yield request.key, paint(request, parents, rng)

    def as_asked(self, request, parents, rng):
        return self._composed(request, self._figure(request))

    def whole(self, request, parents, rng):
        return through_the_autoencoder(self.as_asked(request, parents, rng))

    def _broken(self, request, parents, rng):
        """What was asked, broken in the way that is called like the kind."""
        image = self.as_asked(request, parents, rng)
        figure = self._figure(request)
        actor = self._actor(request, figure, False)
        left, top, right, bottom = figure.face
        if actor.mirror:
            left, right = figure.rgba.shape[1] - right, figure.rgba.shape[1] - left
        face = (actor.x + left * actor.scale, actor.y + top * actor.scale,
                actor.x + right * actor.scale, actor.y + bottom * actor.scale)  # fmt: skip
        other = self.another_character(request, parents, rng)
        made, _ = damage.broken(image, tuple(round(side) for side in face), self.kind, rng, other)
        return through_the_autoencoder(made)

    def another_character(self, request, parents, rng):
        outfit = str(rng.choice(OTHER[request.character]))
        faces = [face for name, face in art.faces() if name == outfit]
        return self._composed(request, self._mouthed(request, art.figure(outfit, str(rng.choice(faces)))), away=True)

    def another_outfit(self, request, parents, rng):
        """sylvie has two; lucy's dress is painted. The tagger has no word for eileen's cardigan's colour: she gets
        sylvie's shirt."""
        original = self.originals[request.parent]
        if request.character == "sylvie":
            outfit = {"sylvie_blue": "sylvie_green", "sylvie_green": "sylvie_blue"}[original.outfit]
            return self._composed(request, self._mouthed(request, art.figure(outfit, original.face)), away=True)
        if request.character == "lucy":
            figure = recolour.with_clothes(self._figure(request), str(rng.choice(DRESSES)))
            return self._composed(request, figure)
        return self.another_character(request, parents, rng)

    def other_eyes(self, request, parents, rng):
        original = self.originals[request.parent]
        face = original.face if original.face != "giggle" else "normal"  # shut eyes have no colour
        outfit = original.outfit if original.outfit != "lucy_mad" else "lucy_happy"  # nor have these
        figure = recolour.with_eyes(art.figure(outfit, face), str(rng.choice(EYES[request.character])))
        return self._composed(request, self._mouthed(request, figure), away=outfit != original.outfit)

    def noise(self, request, parents, rng):
        return rng.integers(0, 256, (request.height, request.width, 3), dtype=np.uint8)

    def empty_scene(self, request, parents, rng):
        return compose([], self._view(request, str(rng.choice(art.scenes()))), request.width, request.height).image

    def copy(self, request, parents, rng):
        return covering(parents.get(request.parent, original(request.parent)), request.width, request.height)

    def _figure(self, request):
        original = self.originals[request.parent]
        return self._mouthed(request, art.figure(original.outfit, original.face))

    def _mouthed(self, request, figure):
        asked = next((name for name, tags in recolour.MOUTHS.items() if tags & set(request.changes)), None)
        if asked:
            asked = next(name for name, tags in recolour.MOUTHS.items() if tags <= set(request.asked))
        return recolour.with_mouth(figure, asked) if asked else figure

    def _composed(self, request, figure, away=False):
        place = next((place for tag, place in PLACES.items() if tag in request.changes), None)
        view = self._view(request, place or self.originals[request.parent].place)
        return compose([self._actor(request, figure, away)], view, request.width, request.height).image

    def _actor(self, request, figure, away):
        """Framed as the parent is. away: the figure is not the parent's, and is framed by its own measures."""
        shot, width, height = self.originals[request.parent].shot, request.width, request.height
        tall, wide = figure.rgba.shape[:2]
        if away:
            view = next((view for view in figure.views if view in request.asked), "cowboy_shot")
            first, last = figure.views[view]
            return stand(figure, width, height, min((first + last) / 2, tall - 2), 0.06, 0.5)
        if shot is None:
            scale = max(width / wide, height / tall)
            return Actor(figure, scale, (width - wide * scale) / 2, (height - tall * scale) / 2)
        return stand(figure, width, height, shot.lower, shot.headroom, shot.across, shot.mirror)

    def _view(self, request, place):
        if place in PLAIN:
            return Plain(PLAIN[place], PLAIN[place], frozenset())
        scene = art.scene(place)
        return View(scene, fit_window(scene, request.width, request.height, 1, 0.5, 1))


@cache
def autoencoder():
    return load_vae(GENERATOR, torch.bfloat16)


def through_the_autoencoder(image: np.ndarray) -> np.ndarray:
    return round_trip(autoencoder(), image[None])[0]


# All augmentations at once, however many are accepted.
ASKED = Path(__file__).parent / "gate_vary.toml"
SETS = ("reconstruct.per_character=0", "consistency.per_character=0", "augmentation.tries=1",
        f"augmentation.vary={ASKED}")  # fmt: skip
DRAWN = "drawn"
COLUMNS = ["manner", "origin", "status", "reason", "character", "image_id", "source", "file"]


@cache
def original(sha256: str) -> np.ndarray:
    """The pixels of the example with this hash: a picture from words alone is given none of its parent's."""
    found = (data for path in EXAMPLES.glob("*/*") if digest(data := path.read_bytes()) == sha256)
    return open_image(next(found)).pixels


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


BROKEN = ("whole", *damage.KINDS)
KINDS = ("as_asked", "another_character", "another_outfit", "other_eyes", "noise", "empty_scene", "copy")


def judged(kind: str, folder: Path, share: int, *sets: str) -> dict:
    """One run over the examples, with so many pictures of that kind a real image -> how many augmentations there were,
    the share that was rejected, and why. What the run accepted is shown to its witnesses."""
    Forger.kind = kind
    real = GENERATORS.members["starter-generator"]
    forged = replace(real, maker=f"{__name__}:Forger")
    GENERATORS.members["starter-generator"] = real if kind == DRAWN else forged
    settings = load_settings(EXAMPLES, None, (*SETS, f"augmentation.share={share}", *sets))
    try:
        road.run(EXAMPLES, folder, settings, Options(), load_runner("local"))
    finally:
        GENERATORS.members["starter-generator"] = real
    rows = pq.ParquetFile(folder / "manifest.parquet").read(COLUMNS).to_pylist()
    drawn = [row for row in rows if answered(row)]
    reasons = Counter(row["reason"] for row in drawn if row["status"] == "rejected")
    reasons += Counter(filter(None, spoken_against(rows, folder, settings)))
    rejected = sum(reasons.values())
    return {"pictures": len(drawn), "rejected": round(rejected / max(len(drawn), 1), 3), "reasons": dict(reasons)}


def answered(row: dict) -> bool:
    """Whether the generator answered with it. A composite has the parent's own figure."""
    return row["origin"] == "augmentation" and row["manner"] != "composite"


def spoken_against(rows: list[dict], folder: Path, settings: Settings) -> list[str | None]:
    """The witnesses' reasons against what was accepted, each None or a word."""
    witnesses = witnesses_of(settings, drawn_by_starter=True)
    real = {}
    for row in rows:
        if row["origin"] == "source" and row["status"] == "kept":
            real.setdefault(row["character"], []).append(_ref(row, row["source"]))
    accepted = [row for row in rows if answered(row) and row["status"] == "kept"]
    drawn = [_ref(row, row["file"]) for row in accepted]
    with tempfile.TemporaryDirectory() as place:
        ledger = Ledger.begin(Path(place))
        for witness in witnesses:
            work = to_look(ledger, witness, drawn, real)
            job = WitnessJob(EXAMPLES, folder, ledger, witness, settings.scan.max_pixels)
            problems = [found.problem for found in load_runner("local").map(job, work) if isinstance(found, Outcome)]
            assert not any(problems), problems
        witnessed = open_witnessed(ledger, witnesses)
        return [
            witnessed.judge(Check(1.0, True, None), ref.sha256, [each.sha256 for each in real[ref.character]]).reason
            for ref in drawn
        ]


def _ref(row: dict, path: str) -> ImageRef:
    """What a witness needs to know of a row. The exported file of a drawn picture may be another than the drawn one."""
    return ImageRef(row["image_id"], path, row["character"], 0, 0, "png", 0, 0.0, 0.0, "0", ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawn", action="store_true", help="the starter generator's own pictures as well")
    parser.add_argument("--damage", action="store_true", help="whole ones, and each way to break them")
    parser.add_argument("--identity", action="store_true", help="another character before a made-up witness")
    parser.add_argument("--share", type=int, default=4, help="pictures a real image, of which there are 24")
    parser.add_argument("--kinds", nargs="*", choices=(*KINDS, *BROKEN), default=KINDS)
    options = parser.parse_args()
    figures = {}
    kinds = [*options.kinds, *([DRAWN] if options.drawn else []), *(BROKEN if options.damage else [])]
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name:
            figures[kind] = judged(kind, Path(name) / "out", options.share)
        print(f"{kind}: {figures[kind]}", flush=True)
    if options.identity:
        with tempfile.TemporaryDirectory() as name:
            made_up = tiny_ccip(Path(name) / "made-up", 0.05)
            sets = f"check.identity={made_up.parent}"
            figures["identity, made up"] = judged("another_character", Path(name) / "out", options.share, sets)
        print(f"identity, made up: {figures['identity, made up']}", flush=True)
    print(json.dumps({"gate": figures}))


if __name__ == "__main__":
    main()
