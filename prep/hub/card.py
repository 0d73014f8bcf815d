"""The dataset card, a README.md with YAML. prep writes a few keys and the text between two markers; all else stays."""

from dataclasses import dataclass
from typing import Any

from prep.hub.card_text import card_text, plain
from prep.hub.card_yaml import FRONT, merged_yaml, read_yaml
from prep.hub.rows import AUGMENTATION, CROPS, REAL, REJECTED, SAMPLES, Counts
from prep.hub.shards import Shard

BEGIN = "<!-- prep: begin. What stands between this line and the next of its kind is written anew at each push -->"
END = "<!-- prep: end. Below, and above the first of these lines, the card is yours -->"
CONFIGS = {
    "default": (REAL, CROPS, AUGMENTATION),
    "real": (REAL,),
    "crops": (CROPS,),
    "generated": (AUGMENTATION, SAMPLES),
    "rejected": (REJECTED,),
}
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
# prep removes these tags again when they no longer fit the set. A card that prep never wrote keeps them.
CHANGING_TAGS = {"image", "captions", "synthetic", "trial"}


@dataclass(frozen=True)
class Card:
    """What prep's part of a card is made of."""

    repo: str
    counts: Counts
    settings: dict[str, Any]  # the manifest's
    version: str  # of prep
    shards: list[Shard]
    features: list[dict]
    pictures: bool
    licence: str | None  # None: keep the card's

    def text(self, before: str | None) -> str:
        """The whole README.md. before: the text on the hub, or None."""
        before = before or ""
        front = FRONT.match(before)
        body = before[front.end() :] if front else before
        rows = {info["config_name"]: info["splits"][0]["num_examples"] for info in self._infos()}
        text = card_text(self.repo, self.counts, self.settings, self.version, rows, self.pictures)
        own = f"{BEGIN}\n\n{text}\n{END}\n"
        new_body = f"\n# {plain(self.repo.split('/')[-1])}\n\n{own}"
        body = _with_own_part(body, own) if body.strip("\n") else new_body
        return f"---\n{self._yaml(front[1] if front else '', BEGIN in before)}---\n{body}"

    def _yaml(self, front: str, again: bool) -> str:
        """again: whether the card already had prep's part."""
        theirs = read_yaml(front)
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
            "tags": _merged_tags(theirs.get("tags"), self._tags(), CHANGING_TAGS if again else set()),
            "configs": _merged_configs(theirs.get("configs"), configs),
            "dataset_info": _merged_configs(theirs.get("dataset_info"), self._infos()),
        }
        # A value that is already there keeps its spelling.
        return merged_yaml(front, theirs, {key: value for key, value in ours.items() if theirs.get(key) != value})

    def _configs(self) -> list[tuple[str, list[str]]]:
        """(config, the families in it that have rows)."""
        there = {shard.family for shard in self.shards}
        found = [(name, [family for family in families if family in there]) for name, families in CONFIGS.items()]
        return [(name, families) for name, families in found if families]

    def _infos(self) -> list[dict]:
        return [self._info(name, families) for name, families in self._configs()]

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


def _with_own_part(body: str, own: str) -> str:
    """The body with prep's part in its old place, or at the end."""
    end = body.rfind(END)
    begin = body.rfind(BEGIN, 0, end) if end >= 0 else -1
    if begin < 0:
        return body.rstrip("\n") + "\n\n" + own
    return body[:begin] + own + body[end + len(END) :].removeprefix("\r").removeprefix("\n")


def _merged_tags(theirs: Any, ours: list[str], dropped: set[str]) -> list:
    """Their tags, without those in `dropped` that are not ours; then ours."""
    theirs = [theirs] if isinstance(theirs, str) else list(theirs or ())
    theirs = [tag for tag in theirs if not (isinstance(tag, str) and tag in dropped and tag not in ours)]
    return theirs + [tag for tag in ours if tag not in theirs]


def _merged_configs(theirs: Any, ours: list[dict]) -> list[dict]:
    """Their configs whose names are not prep's, then ours."""
    theirs = [theirs] if isinstance(theirs, dict) else list(theirs or ())
    return [
        each for each in theirs if isinstance(each, dict) and each.get("config_name", "default") not in CONFIGS
    ] + ours
