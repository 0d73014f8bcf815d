"""The card: a README.md with YAML. What a person wrote into it stays; ours is between two markers and a few keys."""

import re
from dataclasses import dataclass
from typing import Any

from prep.exporters._hub_front import FRONT, merged_yaml, read_yaml
from prep.exporters._hub_rows import (
    AUGMENTATION,
    COLUMNS,
    REAL,
    REJECTED,
    SAMPLES,
    SHOWN_CAPTIONS,
    Counts,
)
from prep.exporters._hub_shards import Shard
from prep.names import printable
from prep.weights import KNOWN

BEGIN = "<!-- prep: begin. What stands between this line and the next of its kind is written anew at each push -->"
END = "<!-- prep: end. Below, and above the first of these lines, the card is yours -->"
CONFIGS = {
    "default": (REAL, AUGMENTATION),
    "real": (REAL,),
    "generated": (AUGMENTATION, SAMPLES),
    "rejected": (REJECTED,),
}
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
SHOWN_TAGS, SHOWN_CHARACTERS = 12, 200
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~])")

TRAINING = """## How to train with it

As it stands, with diffusers' scripts (`--image_column image --caption_column text`), or as a folder for sd-scripts and
its kin:

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

Captions begin with the trigger word.
"""


@dataclass(frozen=True)
class Card:
    """What our part of a card is made of."""

    repo: str
    counts: Counts
    settings: dict[str, Any]  # the manifest's
    version: str  # of prep
    shards: list[Shard]
    features: list[dict]
    pictures: bool
    licence: str | None  # None: what the card has

    def text(self, before: str | None) -> str:
        """The whole README.md. before: the one that stands, or None."""
        before = before or ""
        front = FRONT.match(before)
        body = before[front.end() :] if front else before
        own = f"{BEGIN}\n\n{self._body()}\n{END}\n"
        begun = f"\n# {plain(self.repo.split('/')[-1])}\n\n{own}"
        body = _replaced(body, own) if body.strip() else begun
        return f"---\n{self._yaml(front[1] if front else '')}---\n{body}"

    def _yaml(self, front: str) -> str:
        theirs = read_yaml(front)
        infos = [self._info(name, families) for name, families in self._configs()]
        configs = [
            {"config_name": name, "data_files": [{"split": "train", "path": [f"data/{f}-*.parquet" for f in families]}]}
            for name, families in self._configs()
        ]
        total = self.counts.images
        ours = {
            "license": self.licence or theirs.get("license"),
            "pretty_name": theirs.get("pretty_name", self.repo.split("/")[-1]),
            "task_categories": theirs.get("task_categories", ["text-to-image"]),
            "size_categories": [next((name for most, name in SIZES if total < most), "n>10M")],
            "tags": _united(theirs.get("tags"), self._tags()),
            "configs": _beside(theirs.get("configs"), configs),
            "dataset_info": _beside(theirs.get("dataset_info"), infos),
        }
        # What already says this stays as a person wrote it.
        return merged_yaml(front, theirs, {key: value for key, value in ours.items() if theirs.get(key) != value})

    def _configs(self) -> list[tuple[str, list[str]]]:
        """(config, the families in it that have rows)."""
        there = {shard.family for shard in self.shards}
        found = [(name, [family for family in families if family in there]) for name, families in CONFIGS.items()]
        return [(name, families) for name, families in found if families]

    def _info(self, name: str, families: list[str]) -> dict:
        shards = [shard for shard in self.shards if shard.family in families]
        size = sum(shard.num_bytes for shard in shards)
        split = {"name": "train", "num_bytes": size, "num_examples": sum(shard.rows for shard in shards)}
        return {
            "config_name": name,
            "features": self.features,
            "splits": [split],
            "download_size": sum(shard.bytes for shard in shards),
            "dataset_size": size,
        }

    def _tags(self) -> list[str]:
        tags = ["prep", "anime", "lora", "image" if self.pictures else "captions"]
        tags += ["synthetic"] if self.counts.drawn else []
        tags += ["trial"] if self.counts.starter else []
        return tags + (["not-for-all-audiences"] if self.counts.ratings["explicit"] else [])

    def _body(self) -> str:
        parts = [self._trial(), self._contents(), self._characters(), self._captions(), self._thresholds()]
        parts += [self._models(), self._training(), self._columns(), self._made()]
        return "\n".join(part for part in parts if part)

    def _trial(self) -> str:
        if not self.counts.starter:
            return ""
        return (
            "> **A trial set.** It was read or drawn by the *starter* models that ship with prep, which know three\n"
            "> characters and are there for trying it out. Its captions are not fit for training.\n"
        )

    def _contents(self) -> str:
        counts = self.counts
        share = counts.drawn / counts.images
        held = "each with its picture" if self.pictures else "without the pictures: the manifest alone"
        lines = [
            "## What is in it",
            "",
            f"{many(counts.images, 'row')} of {many(len(counts.by_character), 'character')}, {held}.",
            "",
        ]
        lines += [f"Share of synthetic images: {counts.drawn:,} of {counts.images:,} ({share:.0%}).", ""]
        said = {
            "default": "what one trains on: real pictures, and drawn ones that passed the check",
            "real": "real pictures alone",
            "generated": "drawn pictures: augmentations, and samples of how well the base model knows a character",
            "rejected": "what was left out, and why",
        }
        table = [[f"`{info['config_name']}`", f"{info['splits'][0]['num_examples']:,}", said[info["config_name"]]]
                 for info in (self._info(*config) for config in self._configs())]  # fmt: skip
        return "\n".join([*lines, *_table(["config", "rows", "what"], table), ""])

    def _characters(self) -> str:
        rows = []
        core_share = self.settings.get("profile", {}).get("core_share", 0.45)
        for name, found in sorted(self.counts.by_character.items())[:SHOWN_CHARACTERS]:
            real = found[REAL]
            tags = sorted(self.counts.tags[name].items(), key=lambda pair: (-pair[1], pair[0]))
            core = [plain(_spoken(tag)) for tag, seen in tags if seen >= core_share * real]
            trigger = self.counts.triggers[name].most_common(1)
            told = ", ".join(core[:SHOWN_TAGS]) + (
                f" and {len(core) - SHOWN_TAGS} more" if len(core) > SHOWN_TAGS else ""
            )
            rows.append(
                [plain(name), plain(trigger[0][0]) if trigger else "", str(real), str(found.total() - real), told]
            )
        more = len(self.counts.by_character) - SHOWN_CHARACTERS
        lines = ["## Characters", "", f"Core tags: in at least {core_share:.0%} of a character's real pictures.", ""]
        lines += _table(["character", "trigger word", "real", "others", "core tags"], rows)
        return "\n".join([*lines, *([f"\nand {more:,} more characters"] if more > 0 else []), ""])

    def _captions(self) -> str:
        # One of each character in turn, so that all are heard.
        turns = [captions for _, captions in sorted(self.counts.captions.items())]
        shown = [captions[turn] for turn in range(SHOWN_CAPTIONS) for captions in turns if turn < len(captions)]
        lines = [f"- {plain(text)}" for text in shown[:SHOWN_CAPTIONS]]
        return "\n".join(["## A few captions", "", *lines, ""]) if lines else ""

    def _thresholds(self) -> str:
        held = self.settings.get("thresholds", {})
        lines = ["## Thresholds", ""]
        if held.get("mode") == "complexity":
            below, medium = held["simple_below"], held["medium_below"]
            edges = {
                "simple": f"under {below:g}",
                "medium": f"{below:g} to {medium:g}",
                "complex": f"{medium:g} and more",
            }
            rows = [
                [level, told, f"{held[level]:g}", f"{self.counts.levels[level]:,}"] for level, told in edges.items()
            ]
            lines += ["A tag needs a score that depends on how busy the picture is.", ""]
            lines += _table(["level", "share of edge pixels", "score a tag needs", "real pictures"], rows)
        elif held.get("mode") == "fixed":
            lines += [f"One for all: a tag needs a score of {held['fixed']:g}."]
        elif held.get("mode") == "mcut":
            lines += ["MCut: at the largest gap between a picture's scores."]
        return "\n".join([*lines, ""])

    def _models(self) -> str:
        rows = []
        for use, names in (("tags", self.counts.taggers), ("pictures", self.counts.generators)):
            for name, count in sorted(names.items()):
                model = KNOWN.get(name.split(" ")[0])  # a generator's name is followed by its precision
                licence = "not known to prep"
                if model:
                    linked = model.licence_url.startswith("https://")
                    licence = f"[{plain(model.licence)}]({model.licence_url})" if linked else plain(model.licence)
                rows.append([plain(name), use, f"{count:,}", plain(model.what) if model else "", licence])
        if not rows:
            return ""
        return "\n".join(["## Models", "", *_table(["model", "made", "rows", "what it is", "licence"], rows), ""])

    def _training(self) -> str:
        if not self.pictures:
            return (
                "## How to use it\n\n```python\nfrom datasets import load_dataset\n\n"
                f'rows = load_dataset("{self.repo}", split="train")\n```\n\n'
                "The pictures are not here. `image_id` is the sha256 of each one's file; `file` its place in the set.\n"
            )
        return TRAINING.replace("REPO", self.repo)

    def _columns(self) -> str:
        rows = [["`image`", "the picture, without EXIF, GPS and other metadata"]] if self.pictures else []
        rows += [[f"`{column.name}`", plain(column.what)] for column in COLUMNS]
        return "\n".join(["## Columns", "", *_table(["column", "what"], rows), ""])

    def _made(self) -> str:
        dropped = "left to the trigger word" if self.settings.get("captions", {}).get("traits") == "drop" else "kept"
        return (
            "## How it was made\n\n"
            f"By prep {plain(self.version)}: looked through for copies and damage, tagged, unwanted and overlapping\n"
            f"tags taken out, what a character's pictures share in hair, eyes and body {dropped}, edits by hand\n"
            "kept. Drawn pictures were read by the same tagger, and stay when they show who was asked for.\n"
        )


def plain(text: str) -> str:
    """Any text as one line of Markdown that shows it and does nothing else."""
    text = SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")


def _replaced(body: str, own: str) -> str:
    """The body with our block in the place of the last one, or at its end."""
    end = body.rfind(END)
    begin = body.rfind(BEGIN, 0, end) if end >= 0 else -1
    if begin < 0:
        return body.rstrip("\n") + "\n\n" + own
    return body[:begin] + own + body[end + len(END) :].removeprefix("\r").removeprefix("\n")


def _united(theirs: Any, ours: list[str]) -> list:
    theirs = [theirs] if isinstance(theirs, str) else list(theirs or ())
    return theirs + [tag for tag in ours if tag not in theirs]


def _beside(theirs: Any, ours: list[dict]) -> list[dict]:
    """Theirs under other names, then ours."""
    theirs = [theirs] if isinstance(theirs, dict) else list(theirs or ())
    return [
        each for each in theirs if isinstance(each, dict) and each.get("config_name", "default") not in CONFIGS
    ] + ours


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _spoken(tag: str) -> str:
    return tag.replace("_", " ") if any(char.isalnum() for char in tag) and len(tag) > 3 else tag  # ^_^ as it is
