"""The Markdown of a dataset card: what is in the set, and how to train with it. Nothing here has seen a hub or a
picture.
"""

import re
from typing import Any

from prep.hub.rows import AUGMENTATION, COLUMNS, CROPS, REAL, REJECTED, SAMPLES, SHOWN_CAPTIONS, Counts
from prep.models import all_known
from prep.names import printable, quantity
from prep.registry import is_remote

SHOWN_TAGS, SHOWN_CHARACTERS = 12, 200
FAMILY_HEADS = {REAL: "real", CROPS: "crops", AUGMENTATION: "drawn", SAMPLES: "samples", REJECTED: "rejected"}
# Characters with a meaning in Markdown, and those that its dialects turn into links: ://, www., @.
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~@]|:(?=//)|(?<=www)\.)", re.I)
LIST_START = re.compile(r"^(\d*)([-+.)])")
CONFIG_TEXTS = {
    "default": "for training: real pictures, crops of them if there are any, and drawn ones that passed the check",
    "real": "real pictures only",
    "crops": "crops of real pictures only",
    "generated": "drawn pictures: augmentations, and samples of how well the base model knows a character",
    "rejected": "what was left out, and why",
}
TRIAL = """> **A trial set.** It was read or drawn by the *starter* models that ship with prep, which know three
> characters and exist only to try prep out. Its captions are not fit for training.
"""

TRAINING = """## How to train with it

Captions begin with the trigger word. diffusers' scripts can use the set directly (`--image_column image
--caption_column text`). For sd-scripts and similar trainers, write it to a folder:

```python
from pathlib import Path

from datasets import Image, load_dataset

rows = load_dataset("REPO", split="train").cast_column("image", Image(decode=False))
for number, row in enumerate(rows):
    place = Path("train") / f"{number:06d}{Path(row['image']['path']).suffix}"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(row["image"]["bytes"])
    place.with_suffix(".txt").write_text(row["text"] or "\\n", encoding="utf-8")
```
"""

WITHOUT_PICTURES = """## How to train with it

The pictures are not published here. If you have them, this writes each caption, which begins with the trigger word,
beside its picture. `image_id` is the sha256 of the picture's file.

```python
from hashlib import sha256
from pathlib import Path

from datasets import load_dataset

rows = load_dataset("REPO", split="train")
captions = dict(zip(rows["image_id"], rows["text"]))
for path in [path for path in Path("pictures").rglob("*") if path.is_file()]:
    key = sha256(path.read_bytes()).hexdigest()
    if key in captions:
        path.with_suffix(".txt").write_text(captions[key] or "\\n", encoding="utf-8")
```
"""


def card_text(
    repo: str, counts: Counts, settings: dict[str, Any], version: str, rows: dict[str, int], pictures: bool
) -> str:
    """The part of the card that prep writes. settings: the manifest's. version: of prep. rows: per config."""
    parts = [TRIAL if counts.starter else "", _contents(counts, rows, pictures)]
    parts += [_characters(counts, settings), _captions(counts), _thresholds(counts, settings), _models(counts)]
    parts += [(TRAINING if pictures else WITHOUT_PICTURES).replace("REPO", repo)]
    parts += [_steps(counts, settings, version), _columns(pictures)]
    return "\n".join(part for part in parts if part)


def _contents(counts: Counts, rows: dict[str, int], pictures: bool) -> str:
    what = "each with its picture" if pictures else "without the pictures: only the manifest"
    summary = f"{quantity(counts.images, 'row')} of {quantity(len(counts.by_character), 'character')}, {what}."
    lines = ["## What is in it", "", summary, ""]
    drawn, trained = counts.rows[AUGMENTATION], counts.rows[REAL] + counts.rows[AUGMENTATION]
    if trained:
        share = f"{drawn:,} of the {quantity(trained, 'row')} to train on ({drawn / trained:.0%})"
        lines += [f"Share of synthetic images: {share}.", ""]
    table = [[f"`{config}`", f"{count:,}", CONFIG_TEXTS[config]] for config, count in rows.items()]
    return "\n".join([*lines, *_table(["config", "rows", "what"], table), ""])


def _characters(counts: Counts, settings: dict[str, Any]) -> str:
    rows = []
    core_share = settings.get("profile", {}).get("core_share", 0.45)
    families = [family for family in FAMILY_HEADS if family == REAL or counts.rows[family]]
    for name, found in sorted(counts.by_character.items())[:SHOWN_CHARACTERS]:
        real = found[REAL]
        tags = sorted(counts.tags[name].items(), key=lambda pair: (-pair[1], pair[0]))
        core = [plain(_caption_text(tag)) for tag, seen in tags if seen >= core_share * real]
        trigger = counts.triggers[name].most_common(1)
        core_text = ", ".join(core[:SHOWN_TAGS])
        core_text += f" and {len(core) - SHOWN_TAGS} more" if len(core) > SHOWN_TAGS else ""
        family_counts = [f"{found[family]:,}" for family in families]
        rows.append([plain(name), plain(trigger[0][0]) if trigger else "", *family_counts, core_text])
    more = len(counts.by_character) - SHOWN_CHARACTERS
    lines = ["## Characters", "", f"Core tags: in at least {core_share:.0%} of a character's real pictures.", ""]
    heads = [FAMILY_HEADS[family] for family in families]
    lines += _table(["character", "trigger word", *heads, "core tags"], rows)
    return "\n".join([*lines, *([f"\nand {more:,} more characters"] if more > 0 else []), ""])


def _captions(counts: Counts) -> str:
    # One caption per character in turn: a character with many images must not crowd out the others.
    by_character = [captions for _, captions in sorted(counts.captions.items())]
    shown = [captions[turn] for turn in range(SHOWN_CAPTIONS) for captions in by_character if turn < len(captions)]
    lines = [f"- {plain(text)}" for text in shown[:SHOWN_CAPTIONS]]
    return "\n".join(["## A few captions", "", *lines, ""]) if lines else ""


def _thresholds(counts: Counts, settings: dict[str, Any]) -> str:
    thresholds = settings.get("thresholds", {})
    lines = ["## Thresholds", ""]
    if thresholds.get("mode") == "complexity":
        below, medium = thresholds["simple_below"], thresholds["medium_below"]
        edges = {
            "simple": f"below {below:g}",
            "medium": f"{below:g} to {medium:g}",
            "complex": f"{medium:g} or more",
        }
        used = {level: thresholds[level] for level in edges}
        if any(used[level] != needed for level, needed in counts.thresholds.items() if level in used):
            used = counts.thresholds  # the tagger brought its own
        rows = [
            [level, share, f"{used[level]:g}", f"{counts.levels[level]:,}"]
            for level, share in edges.items()
            if level in used
        ]
        lines += ["The score that a tag needs depends on how busy the picture is.", ""]
        lines += _table(["level", "share of edge pixels", "score a tag needs", "real pictures"], rows)
    elif thresholds.get("mode") == "fixed":
        lines += [f"A tag needs a score of {thresholds['fixed']:g} in every picture."]
    elif thresholds.get("mode") == "mcut":
        lines += ["MCut: the threshold is at the largest gap between a picture's scores."]
    own = {*(thresholds.get("overrides") or ()), *thresholds.get("tags", ())}
    if own:
        lines += ["", f"Tags with a threshold of their own: {len(own):,}."]
    return "\n".join([*lines, ""])


def _models(counts: Counts) -> str:
    models = {spec.name: spec for spec in all_known()}
    rows = []
    for use, names in (("tags", counts.taggers), ("pictures", counts.generators)):
        for name, count in sorted(names.items()):
            model = models.get(name.split(" ")[0])  # a generator's name is followed by its precision
            licence = "not known to prep"
            # An answer of a web UI: the tagger is called by its route, a generator has it for its precision.
            other = "on another machine" if any(map(is_remote, name.split(" "))) else "from a file"
            if model:
                linked = model.licence_url.startswith("https://")
                licence = f"[{plain(model.licence)}]({model.licence_url})" if linked else plain(model.licence)
            rows.append([plain(name), use, f"{count:,}", plain(model.what) if model else other, licence])
    if not rows:
        return ""
    return "\n".join(["## Models", "", *_table(["model", "made", "rows", "what it is", "licence"], rows), ""])


def _columns(pictures: bool) -> str:
    rows = [["`image`", "the picture, without EXIF, GPS and other metadata"]] if pictures else []
    rows += [[f"`{column.name}`", plain(column.what)] for column in COLUMNS]
    return "\n".join(["## Columns", "", *_table(["column", "what"], rows), ""])


def _steps(counts: Counts, settings: dict[str, Any], version: str) -> str:
    dropped = "left to the trigger word" if settings.get("captions", {}).get("traits") == "drop" else "kept"
    drawn = "Drawn pictures were read back by a tagger, and kept when they match the character.\n"
    return (
        "## How it was made\n\n"
        f"By prep {plain(version)}: pictures checked for copies and damage, then tagged; unwanted and overlapping\n"
        f"tags removed; tags of hair, eyes and body that a character's pictures share {dropped}; edits by hand\n"
        f"kept.\n{drawn if counts.drawn else ''}"
    )


def plain(text: str) -> str:
    """Any text as one line of Markdown that shows the text and does nothing else."""
    text = SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))
    text = LIST_START.sub(r"\1\\\2", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _caption_text(tag: str) -> str:
    return tag.replace("_", " ") if any(char.isalnum() for char in tag) and len(tag) > 3 else tag  # ^_^ as it is
