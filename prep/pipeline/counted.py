"""The manifest in numbers, for `prep status`: counted while it is read, since its rows would take more memory."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from prep.dataset.opened import Set
from prep.drawing.held import Sample
from prep.drawing.progress import why_not
from prep.pipeline.fates import left_out_for
from prep.types import is_real, trains

CHECKED = ["check_missing", "check_identity", "check_alike"]
COLUMNS = [
    *("caption_source", "tagger", "second_tagger", "flags", "generator", "asked", "changes", "manner"),
    *("sentence_by", "sentence_why"),
    *CHECKED,
]


@dataclass
class Counted:
    """The manifest's rows, with the decisions since the last run, counted. All but `drawn` is about real pictures."""

    images: int = 0
    tagger: str | None = None
    second: str | None = None  # the second reader
    characters: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))  # by status, by caption source
    folders: dict[str, str] = field(default_factory=dict)  # character -> its folder in kohya/
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)  # (status, reason)
    flags: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str | None] = field(default_factory=Counter)  # None: in the set
    drawn: dict[str, list[tuple[str, str | None]]] = field(default_factory=lambda: defaultdict(list))  # origin, reason
    crops: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by part; left out: by status
    shown: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by accepted augmentations
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))  # of consistency
    generators: dict[str, str] = field(default_factory=dict)  # character -> what drew them
    sentences: Counter[tuple[str, str]] = field(default_factory=Counter)  # who wrote one, and why not a captioner


def counted(manifest: Set) -> Counted:
    found = Counted()
    for row in manifest.rows(columns=COLUMNS):
        character, status, reason = row["character"], row["status"], row["reason"]
        found.tagger = found.tagger or row["tagger"]
        found.second = found.second or row["second_tagger"]
        if row["sentence_by"] and trains(row["origin"], status):
            found.sentences[row["sentence_by"], row["sentence_why"] or ""] += 1
        if row["origin"] == "crop":
            found.crops[character][row["manner"] if status == "kept" else status] += 1
            continue
        if not is_real(row["origin"]):
            found.drawn[character].append((row["origin"], why_not(status, reason)))
            if trains(row["origin"], status):
                missing = row["check_missing"] or ()
                found.shown[character].update(tag for tag in row["changes"] or () if tag not in missing)
            elif row["origin"] == "consistency":
                measures = row["check_identity"], row["check_alike"]
                found.samples[character].append(Sample(row["asked"] or (), row["check_missing"] or (), *measures))
                found.generators[character] = (row["generator"] or "").split(" ")[0]
            continue
        found.images += 1
        found.characters[character][status] += 1
        if status == "kept":
            found.characters[character][row["caption_source"]] += 1
            if character not in found.folders:
                found.folders[character] = (row["file"] or "//").split("/")[1]
        if reason:
            found.reasons[status, reason] += 1
        for flag in row["flags"] or ():
            found.flags[flag] += 1
        found.left_out[left_out_for(status, reason, row["file"])] += 1
    return found
