"""What the sheets say about each character: what its pictures show, and what the model holds of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from prep.dataset.sheets import About
from prep.drawing.coverage import coverage_lines
from prep.drawing.held import Sample, held_lines
from prep.drawing.vary import read_vary
from prep.pipeline.records import Profiled
from prep.sections import Settings
from prep.types import Row


def about_characters(record: Profiled, rows: Iterable[Row], settings: Settings) -> dict[str, About]:
    """rows: of all pictures that prep made."""
    groups, _ = read_vary(settings.augmentation.vary, record.known or None)
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    samples: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.made and row.made.request and row.trains:
            missing = row.made.check.missing
            shown[row.ref.character].update(tag for tag in row.made.request.changes if tag not in missing)
        elif row.origin == "consistency":
            samples[row.ref.character].append(row)
    found = {}
    for character, profile in record.profiles.items():
        drawn = samples[character]
        checks = ((row.made.request.asked, row.made.check) for row in drawn)
        asked = (Sample(tags, check.missing, check.identity, check.alike) for tags, check in checks)
        model = drawn[-1].made.request.generator if drawn else ""
        spelt = record.composer.caption_text
        found[character] = About(
            tuple(coverage_lines(profile, groups, shown[character], spelt)),
            tuple(held_lines(profile, model, asked, spelt)),
        )
    return found
