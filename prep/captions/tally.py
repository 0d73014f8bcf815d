"""How many of a character's images show each tag: what Composer.names finds in each, counted for all together."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from prep.captions.compose import Composer

BLOCK = 2048  # images at a time: bounds the memory, whatever the size of the set


def tallied(composer: Composer, scores, images: Sequence[tuple[str, str]]) -> Counter[str]:
    """images: (sha256, level of its complexity) each -> tag name -> in how many of them it was found.

    scores: the tag stage's ScoreBook.
    """
    selector = composer.selector
    names = selector.vocabulary.names
    found = np.zeros(len(names), np.int64)
    own = selector.settings.mode == "mcut"  # only there a threshold depends on the image's own scores
    for at in range(0, len(images), BLOCK):
        block = images[at : at + BLOCK]
        index, values, sizes = scores.flat([sha256 for sha256, _ in block])
        thresholds = [selector.threshold(scores[sha256] if own else None, level) for sha256, level in block]
        passed = selector.passed(index, values, np.repeat(np.array(thresholds, np.float32), sizes))
        found += np.bincount(index[passed], minlength=len(names))
    counts: Counter[str] = Counter()
    for place in np.flatnonzero(found):
        if not composer.drops(names[place]):
            counts[names[place]] += int(found[place])
    return counts
