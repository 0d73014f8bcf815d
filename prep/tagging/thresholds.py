"""Thresholds turn scores into tags. Nothing here has seen an image, or knows what a caption is.

A tagger may bring thresholds of its own, one per tag. In mode `complexity` its general tags then need SHIFTS more or
less than that, as the defaults do for DeepDanbooru. All others (characters, artists) need just that, in every mode.
What the user has set wins, the more exact over the less: a single tag's, a category's, a level's.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prep.documents import read_named
from prep.errors import SettingsError
from prep.names import underscored
from prep.options import LEVELS, check_tags
from prep.sections import Thresholds
from prep.types import TagScores, Vocabulary

# What the levels' defaults are to `medium`: a general tag's threshold at each, to the tagger's own.
SHIFTS = {"simple": 0.10, "medium": 0.0, "complex": -0.07}
LEAST, MOST = 0.02, 0.99  # no score below is kept; a tag beyond would never be found


def level_of(edge_density: float, settings: Thresholds) -> str:
    """simple, medium or complex: in busy pictures a tagger's scores are lower, so they get a lower threshold."""
    if edge_density < settings.simple_below:
        return "simple"
    return "medium" if edge_density < settings.medium_below else "complex"


def mcut(scores: np.ndarray) -> float:
    """The middle of the largest gap between neighbouring scores. scores: float [K], any order; 1.0 for none."""
    ranked = np.sort(scores.astype(np.float64))[::-1]
    if len(ranked) < 2:
        return float(ranked[0]) if len(ranked) else 1.0
    widest = int(np.argmax(ranked[:-1] - ranked[1:]))
    return float((ranked[widest] + ranked[widest + 1]) / 2)


def read_overrides(path: str) -> dict[str, float]:
    """`tag = 0.6` lines (TOML): a tag's own threshold at every level. Raises SettingsError."""
    if not path:
        return {}
    values = read_named(path, "thresholds.overrides")
    check_tags(values, f"thresholds.overrides: {path}")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise SettingsError(
                f"thresholds.overrides: {path}: `{name}` is {str(value)[:60]!r}; expected a number from 0 to 1",
                hint="write lines such as smile = 0.6",
            )
    return {name.replace(" ", "_"): float(value) for name, value in values.items()}


@dataclass(frozen=True)
class Selector:
    """One vocabulary under one set of thresholds."""

    vocabulary: Vocabulary
    settings: Thresholds
    overrides: dict[str, float]

    @cached_property
    def ratings(self) -> np.ndarray:
        """bool [T]"""
        return np.array([category == "rating" for category in self.vocabulary.categories], bool)

    @cached_property
    def own(self) -> np.ndarray:
        """float32 [3, T]: a tag's own threshold at each of LEVELS, NaN where it has none. One in the settings overrides
        one in the file, and that the tagger's.
        """
        found = self._of_categories.copy()
        if not (self.overrides or self.settings.tags):
            return found
        at_each_level = {underscored(name): dict.fromkeys(LEVELS, score) for name, score in self.overrides.items()}
        for place, name in enumerate(map(underscored, self.vocabulary.names)):
            own = at_each_level.get(name, {}) | self.settings.tags.get(name, {})
            for row, level in enumerate(LEVELS) if own else ():
                found[row, place] = own.get(level, found[row, place])
        return found

    @cached_property
    def _of_categories(self) -> np.ndarray:
        """float32 [3, T]: the tagger's own thresholds under these settings, NaN where a level's counts."""
        found = np.full((len(LEVELS), len(self.vocabulary.names)), np.nan, np.float32)
        categories = np.array(self.vocabulary.categories, str)
        if self.vocabulary.thresholds:
            tagger = np.array(self.vocabulary.thresholds)
            found[:] = tagger
            general = categories == "general"
            for row, level in enumerate(LEVELS):
                shifted = np.clip((tagger[general] + SHIFTS[level]).round(4), LEAST, MOST)
                found[row, general] = shifted if self._by_tagger(level) else np.nan
        if self.settings.character:
            found[:, categories == "character"] = self.settings.character
        return found

    def _by_tagger(self, level: str) -> bool:
        """Whether general tags follow the tagger at this level: unless the user has set the level's threshold."""
        untouched = getattr(self.settings, level) == Thresholds.model_fields[level].default
        return bool(self.vocabulary.thresholds) and self.settings.mode == "complexity" and untouched

    @cached_property
    def _middles(self) -> dict[str, float]:
        """Level -> the middle of the general tags' thresholds, where they are the tagger's."""
        categories = np.array(self.vocabulary.categories, str)
        rows = {level: self._of_categories[row, categories == "general"] for row, level in enumerate(LEVELS)}
        return {
            level: round(float(np.median(row)), 4) for level, row in rows.items() if self._by_tagger(level) and len(row)
        }

    def own_threshold(self, name: str, level: str) -> float | None:
        """A tag's own threshold at this level; None: it has none."""
        at = self._places.get(name)
        found = self.own[LEVELS.index(level), at] if at is not None else np.nan
        return None if np.isnan(found) else round(float(found), 4)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.vocabulary.names)}

    def threshold(self, scores: TagScores | None, level: str) -> float:
        """What a general tag needs that has no threshold of its own in the settings; of a tagger with thresholds of its
        own, the middle of them. scores: used only in mode `mcut`.
        """
        if self.settings.mode == "fixed":
            return self.settings.fixed
        if self.settings.mode == "mcut":
            return mcut(scores.score[self._free[scores.index]])
        return self._middles.get(level, getattr(self.settings, level))

    @cached_property
    def _free(self) -> np.ndarray:
        """bool [T]: no ratings, and no tags whose category has a threshold."""
        return np.isnan(self._of_categories[0]) & ~self.ratings

    def select(self, scores: TagScores, threshold: float, level: str) -> tuple[np.ndarray, np.ndarray]:
        """threshold: for tags that have none of their own at this level.

        -> (int32 [K] into the vocabulary, float32 [K]), best first. Ratings are never among them.
        """
        values = scores.score.astype(np.float32)
        passed = self.passed(scores.index, values, np.float32(threshold), LEVELS.index(level))
        index, values = scores.index[passed], values[passed]
        order = np.lexsort((index, -values))
        return index[order], values[order]

    def passed(
        self, index: np.ndarray, values: np.ndarray, threshold: np.ndarray, level: int | np.ndarray
    ) -> np.ndarray:
        """bool [K]. index: int32 [K], into the vocabulary; values: float32 [K]; threshold: float32, one or [K]; level:
        the place in LEVELS, one or [K].
        """
        own = self.own[level, index]
        return (values >= np.where(np.isnan(own), threshold, own)) & ~self.ratings[index]

    def rating(self, scores: TagScores) -> str | None:
        """The best-scoring rating's name, without `rating:`."""
        found = np.flatnonzero(self.ratings[scores.index])
        if not len(found):
            return None
        best = scores.index[found[np.argmax(scores.score[found])]]
        return self.vocabulary.names[best].removeprefix("rating:")
