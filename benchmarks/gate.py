"""The check under trial: pictures that are not what was asked, one kind at a time, and pictures that are.

    python benchmarks/gate.py [--drawn]

Runs examples/characters as `prep run` does, with a forger in the generator's place: it answers each request for an
augmentation with a picture of one kind. --drawn: the starter generator answers too. The rule is docs/CHECK.md's, and
was written first. The last line is JSON: by kind, the share of augmentations that was rejected.
"""

import argparse
import hashlib
import json
import runpy
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from prep.config import load_settings
from prep.generators import GENERATORS
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.family import Family
from prep.images import covering
from prep.pipeline import road
from prep.run import Options
from prep.runners import load_runner
from starter_training import art, recolour
from starter_training.compose import Actor, Plain, View, compose, fit_window, stand
from starter_training.small import PLAIN

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
                yield request.key, getattr(self, self.kind)(request, parents, rng)

    def as_asked(self, request, parents, rng):
        return self._composed(request, self._figure(request))

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
        return covering(parents[request.parent], request.width, request.height)

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


# All augmentations at once, however many are accepted.
SETS = ("reconstruct.per_character=0", "consistency.per_character=0", "augmentation.tries=1")
DRAWN = "drawn"
KINDS = ("as_asked", "another_character", "another_outfit", "other_eyes", "noise", "empty_scene", "copy")


def judged(kind: str, folder: Path, share: int) -> dict:
    """One run over the examples, with so many pictures of that kind a real image -> how many augmentations there were,
    the share that was rejected, and why."""
    Forger.kind = kind
    real = GENERATORS.members["starter-generator"]
    forged = replace(real, maker=f"{__name__}:Forger")
    GENERATORS.members["starter-generator"] = real if kind == DRAWN else forged
    settings = load_settings(EXAMPLES, None, (*SETS, f"augmentation.share={share}"))
    try:
        road.run(EXAMPLES, folder, settings, Options(), load_runner("local"))
    finally:
        GENERATORS.members["starter-generator"] = real
    rows = pq.ParquetFile(folder / "manifest.parquet").read(["origin", "status", "reason"]).to_pylist()
    drawn = [row for row in rows if row["origin"] == "augmentation"]
    reasons = Counter(row["reason"] for row in drawn if row["status"] == "rejected")
    rejected = sum(reasons.values())
    return {"pictures": len(drawn), "rejected": round(rejected / max(len(drawn), 1), 3), "reasons": dict(reasons)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawn", action="store_true", help="the starter generator's own pictures as well")
    parser.add_argument("--share", type=int, default=4, help="pictures a real image, of which there are 24")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    figures = {}
    for kind in [*options.kinds, *([DRAWN] if options.drawn else [])]:
        with tempfile.TemporaryDirectory() as name:
            figures[kind] = judged(kind, Path(name) / "out", options.share)
        print(f"{kind}: {figures[kind]}", flush=True)
    print(json.dumps({"gate": figures}))


if __name__ == "__main__":
    main()
