"""From scores to the answers of the three interrogators: A1111's, SD.Next's and the extension's. Opens no picture.

Scores of at most 0.02 are not kept: they count as 0, so that a threshold of 0 names every tag of the vocabulary.
"""

import re
from dataclasses import dataclass

import numpy as np

from prep.service.a1111.models import Tagger
from prep.service.a1111.options import Options
from prep.types import TagScores

SPECIAL = re.compile(r"([\\()])")
DIGITS = 5  # of a score as a number: no two float16 above 0.02 become equal


@dataclass(frozen=True, slots=True)
class Scored:
    name: str  # underscored
    category: str
    score: float

    @property
    def is_rating(self) -> bool:
        return self.category == "rating" or self.name.startswith("rating:")


def scored(scores: TagScores, threshold: float) -> list[Scored]:
    """All tags from the threshold on, ratings among them, best first."""
    words = scores.vocabulary
    values = np.zeros(len(words.names), np.float32)
    values[scores.index] = scores.score
    order = np.argsort(-values, kind="stable")
    kept = order[values[order] >= np.float32(threshold)]
    return [Scored(words.names[at], words.categories[at], float(values[at])) for at in kept.tolist()]


def deepbooru(scores: TagScores, options: Options, threshold: float | None) -> str:
    """A1111's caption. threshold: instead of the option's."""
    bound = options.interrogate_deepbooru_score_threshold if threshold is None else threshold
    found = [tag for tag in scored(scores, bound) if not tag.is_rating]
    if options.deepbooru_sort_alpha:
        found.sort(key=lambda tag: tag.name)
    left_out = _names(options.deepbooru_filter_tags)
    return ", ".join(
        _spelled(
            tag,
            spaces=options.deepbooru_use_spaces,
            escape=options.deepbooru_escape,
            digits=3 if options.interrogate_return_ranks else 0,
        )
        for tag in found
        if tag.name not in left_out
    )


def sd_next(scores: TagScores, asked: Tagger) -> dict:
    """{tags, scores}; scores is null unless they are asked for."""
    left_out = _names(asked.exclude_tags)
    found = [tag for tag in scored(scores, min(asked.threshold, asked.character_threshold)) if _passes(tag, asked)]
    found = [tag for tag in found if tag.name not in left_out][: asked.max_tags]
    if asked.sort_alpha:
        found.sort(key=lambda tag: tag.name)
    spelling = {"spaces": asked.use_spaces, "escape": asked.escape_brackets}
    text = ", ".join(_spelled(tag, **spelling, digits=2 if asked.show_scores else 0) for tag in found)
    by_name = {_spelled(tag, **spelling, digits=0): round(tag.score, DIGITS) for tag in found}
    return {"tags": text, "scores": by_name if asked.show_scores else None}


def extension(scores: TagScores, threshold: float) -> dict[str, float]:
    """Tag -> score, best first; the ratings come first, all of them."""
    everything = scored(scores, 0)
    ratings = [tag for tag in everything if tag.is_rating]
    tags = [tag for tag in everything if not tag.is_rating and np.float32(tag.score) >= np.float32(threshold)]
    return {tag.name: round(tag.score, DIGITS) for tag in (*ratings, *tags)}


def _passes(tag: Scored, asked: Tagger) -> bool:
    bound = asked.character_threshold if tag.category == "character" else asked.threshold
    return np.float32(tag.score) >= np.float32(bound) and (asked.include_rating or not tag.is_rating)


def _names(text: str) -> set[str]:
    return {name.strip().replace(" ", "_") for name in text.split(",")}


def _spelled(tag: Scored, *, spaces: bool, escape: bool, digits: int) -> str:
    """digits: of the score behind it; 0: none."""
    text = tag.name.replace("_", " ") if spaces else tag.name
    text = SPECIAL.sub(r"\\\1", text) if escape else text
    return f"({text}:{tag.score:.{digits}f})" if digits else text
