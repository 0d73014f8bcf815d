"""How many of a character's images show each tag: the result of Composer.names for each, counted in blocks.

Also how many cannot show it: closed eyes have no colour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from prep.captions.compose import Composer
from prep.options import LEVELS
from prep.tagging.readers import Shown
from prep.tagging.thresholds import Selector

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
    selector, both = composer.selector, composer.both if scores.second is not None else None
    names = both.names if both else selector.vocabulary.names
    found = np.zeros(len(names), np.int64)
    places = {name: at for at, name in enumerate(names)}
    if both:  # what both know is at the first's place
        places |= {name: at for at, name in enumerate(selector.vocabulary.names)}
    looked_at = {
        name: (places.get(name, -1), [places[other] for other in others if other in places])
        for name, others in hiders.items()
    }
    hidden: Counter[str] = Counter()
    for at in range(0, len(images), BLOCK):
        block = images[at : at + BLOCK]
        tags = _shown(selector, scores, block, range(len(block)))
        if both:
            read = [number for number, (sha256, _) in enumerate(block) if sha256 in scores.second]
            theirs = _shown(both.second, scores.second, [block[number] for number in read], read)
            tags = both.together(tags, theirs, np.isin(np.arange(len(block)), read))
        image, shown = tags.picture, tags.tag
        found += np.bincount(shown, minlength=len(names))
        for name, (place, others) in looked_at.items():
            if others:
                hidden[name] += len(set(image[np.isin(shown, others)]) - set(image[shown == place]))
    counts: Counter[str] = Counter()
    for place in np.flatnonzero(found):
        if not composer.drops(names[place]):
            counts[names[place]] += int(found[place])
    return Tally(counts, hidden)


def _shown(selector: Selector, scores, block: Sequence[tuple[str, str]], numbers: Sequence[int]) -> Shown:
    """What passes its threshold in these images. numbers: of each of them."""
    index, values, sizes = scores.flat([sha256 for sha256, _ in block])
    own = selector.settings.mode == "mcut"  # only there does a threshold depend on the image's own scores
    thresholds = [selector.threshold(scores[sha256] if own else None, level) for sha256, level in block]
    levels = np.repeat(np.array([LEVELS.index(level) for _, level in block], np.int64), sizes)
    passed = selector.passed(index, values, np.repeat(np.array(thresholds, np.float32), sizes), levels)
    return Shown(np.repeat(np.array(numbers, np.int64), sizes)[passed], index[passed], values[passed])
