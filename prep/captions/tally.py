"""How many of a character's images show each tag: the result of Composer.names for each, counted in blocks.

Also how many cannot show it: closed eyes have no colour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from prep.captions.compose import Composer
from prep.options import LEVELS

BLOCK = 2048  # images at a time: bounds memory for any size of set


@dataclass(frozen=True)
class Tally:
    """Tag name -> number of images."""

    found: Counter[str] = field(default_factory=Counter)
    hidden: Counter[str] = field(default_factory=Counter)  # images without the tag, but with one that hides it


def together(tallies: Iterable[Tally]) -> Tally:
    """Of all images, from those of parts of them."""
    found, hidden = Counter(), Counter()
    for each in tallies:
        found.update(each.found)
        hidden.update(each.hidden)
    return Tally(found, hidden)


def tallied(
    composer: Composer, scores, images: Sequence[tuple[str, str]], hiders: Mapping[str, frozenset[str]]
) -> Tally:
    """images: (sha256, level of complexity) pairs. hiders: tag -> tags of images that cannot show it.

    scores: the tag stage's ScoreBook.
    """
    selector = composer.selector
    names = selector.vocabulary.names
    found = np.zeros(len(names), np.int64)
    places = {name: at for at, name in enumerate(names)}
    looked_at = {
        name: (places.get(name, -1), [places[other] for other in others if other in places])
        for name, others in hiders.items()
    }
    hidden: Counter[str] = Counter()
    own = selector.settings.mode == "mcut"  # only there does a threshold depend on the image's own scores
    for at in range(0, len(images), BLOCK):
        block = images[at : at + BLOCK]
        index, values, sizes = scores.flat([sha256 for sha256, _ in block])
        thresholds = [selector.threshold(scores[sha256] if own else None, level) for sha256, level in block]
        levels = np.repeat([LEVELS.index(level) for _, level in block], sizes)
        passed = selector.passed(index, values, np.repeat(np.array(thresholds, np.float32), sizes), levels)
        found += np.bincount(index[passed], minlength=len(names))
        image, shown = np.repeat(np.arange(len(block)), sizes)[passed], index[passed]
        for name, (place, others) in looked_at.items():
            if others:
                hidden[name] += len(set(image[np.isin(shown, others)]) - set(image[shown == place]))
    counts: Counter[str] = Counter()
    for place in np.flatnonzero(found):
        if not composer.drops(names[place]):
            counts[names[place]] += int(found[place])
    return Tally(counts, hidden)
