"""Which way to another expression keeps the character: `python benchmarks/ways.py`. Starter models, some minutes.

Requests for another expression of the examples' pictures on a plain background, 24 of them, each drawn in several ways,
and judged as a run judges them: tags, copies, the starter's witness. distance: mean difference from the parent, of 255.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from prep.checks.retag import read_exclusive, verdict
from prep.config import load_settings
from prep.drawing.plans import parent_of, style_of
from prep.drawing.vary import Group, Way
from prep.drawing.wants import wants
from prep.images import covering, measures, open_image
from prep.jobs.read import reading
from prep.models.choose_models import card_of, generator_of
from prep.models.residency import MEMORY
from prep.models.witnesses import witnesses_of
from prep.pipeline.preview import preview
from prep.scan.copies import COPY_BELOW, difference
from prep.tagging.thresholds import level_of

ROOT = Path(__file__).parents[1]
SRC = ROOT / "examples" / "characters"
REQUESTS = 24
OPTIONS = (("smile", "closed_mouth"), ("smile", "open_mouth"), (":o", "open_mouth"), ("frown", "closed_mouth"))
REPLACES = frozenset({tag for option in OPTIONS for tag in option} | {"grin", "angry"})
WAYS = (Way("img2img", 0.6), Way("img2img", 0.8), Way("img2img", 0.9), Way("edit", 0.8), Way("edit", 0.9), Way("text"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="an OUT that a run over examples/characters made")
    made = preview(SRC, parser.parse_args().out, settings := load_settings(SRC))
    record, ref = made.record, generator_of(settings)
    card, exclusive = card_of(ref), read_exclusive(settings.check.exclusive)
    style = style_of(card, ref.digest, exclusive, settings)
    rows = [row for row in record.rows if row.status == "kept" and "alpha" in row.ref.flags]
    pixels = {row.ref.sha256: open_image((SRC / row.ref.path).read_bytes()).pixels for row in rows}
    (witness,) = witnesses_of(settings, drawn_by_starter=True)
    print(f"{'way':12} {'accepted':>8} {'distance':>8}  rejected")
    for way in WAYS:
        group = Group("expression", REPLACES, OPTIONS, (way,))
        asked = []
        for character, profile in record.profiles.items():
            parents = [parent_of(row) for row in rows if row.ref.character == character]
            share = round(REQUESTS * len(parents) / len(rows))
            source = wants(profile, parents, [group], {}, {}, style)
            asked += [next(source).attempts[0].request for _ in range(share)]
        parents = {each.parent: covering(pixels[each.parent], each.width, each.height) for each in asked}
        with tempfile.TemporaryDirectory() as folder, MEMORY.lend(ref) as generator:
            drawn = dict(generator.draw(asked, parents, Path(folder)))
        told, far = Counter(), []
        with reading(record.tagger, settings.scan.max_pixels) as reader, MEMORY.lend(witness) as eye:
            for each in asked:
                image = drawn[each.key]
                (scores,) = reader.read(reader.tagger.prepare(image)[None])
                level = level_of(measures(image, settings.thresholds.measure_px)["edge_density"], settings.thresholds)
                profile = record.profiles[each.character]
                read = record.composer.names(scores, level)
                said = verdict(each, read, profile.core, profile.body, record.known, exclusive, settings.check.bound)
                reason = said.reason
                seen = eye.look(image)
                if reason is None and not eye.accepts(eye.measure(seen, np.empty((0, len(seen)), np.float32))):
                    reason = "damaged"
                if reason is None and difference(image, parents[each.parent]) < COPY_BELOW:
                    reason = "copy"
                told[reason] += 1
                far.append(np.abs(image.astype(int) - parents[each.parent]).mean())
        why = ", ".join(f"{count} {reason}" for reason, count in told.most_common() if reason)
        name = f"{way.manner} {way.strength or ''}"
        print(f"{name:12} {told[None]:>3} of {len(asked)} {np.mean(far):8.1f}  {why}")


if __name__ == "__main__":
    main()
