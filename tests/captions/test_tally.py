"""Counting all at once says what counting row by row says."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from prep.captions.compose import Composer
from prep.captions.tally import BLOCK, Tally, tallied
from prep.checks.retag import Exclusive
from prep.jobs.read import above_floor
from prep.jobs.tag import TAG, VOCABULARY, ScoreBook
from prep.ledger import Ledger
from prep.sections import Captions, Thresholds
from prep.tagging.filters import Patterns
from prep.tagging.readers import Readers
from prep.tagging.thresholds import Selector
from prep.types import Vocabulary

NAMES = (*(f"tag_{number}" for number in range(40)), "twice", "twice", "rating:safe", "rating:explicit")
VOCABULARY_OF = Vocabulary("v", NAMES, tuple("rating" if name.startswith("rating:") else "general" for name in NAMES))


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """The scores of some images more than a block."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    rng = np.random.default_rng(7)
    row = {"subject": "v", "recipe": "", "names": NAMES, "categories": VOCABULARY_OF.categories}
    ledger.write(VOCABULARY, [row])
    with ledger.writer(TAG) as writer:
        for number in range(BLOCK + 100):
            # In steps that float16 knows: many scores stand exactly on a threshold.
            answer = (rng.integers(0, 65, len(NAMES)) / 64 * (number % 7 > 0)).astype(np.float32)
            found = above_floor(VOCABULARY_OF, answer)
            writer.append({"subject": f"{number}", "recipe": "r", "vocabulary": "v"}
                          | {"index": found.index, "score": found.score})  # fmt: skip
    book = ScoreBook(ledger, "r")
    book.ledger = ledger
    return book


def scores_of_a_second(ledger: Ledger, words: Vocabulary) -> Ledger:
    """It has read two of three images."""
    rng = np.random.default_rng(8)
    ledger.write(VOCABULARY, [{"subject": "w", "recipe": "", "names": words.names, "categories": words.categories}])
    with ledger.writer(TAG) as writer:
        for number in range(BLOCK + 100):
            found = above_floor(words, (rng.integers(0, 65, len(words.names)) / 64).astype(np.float32))
            row = {"subject": f"{number}", "recipe": "second", "vocabulary": "w"}
            if number % 3:
                writer.append(row | {"index": found.index, "score": found.score})
    return ledger


@pytest.mark.parametrize(
    "thresholds", [Thresholds(), Thresholds(mode="fixed", fixed=0.5), Thresholds(mode="mcut")], ids=lambda t: t.mode
)
@pytest.mark.parametrize("overrides", [{}, {"tag_3": 0.75, "tag_9": 0.0, "twice": 1.0}], ids=["plain", "overrides"])
def test_counts_are_those_of_the_rows(scores, thresholds, overrides):
    own = {"tag_5": {"simple": 0.9, "complex": 0.1}, "tag_3": {"medium": 0.25}} if overrides else {}
    selector = Selector(VOCABULARY_OF, Thresholds(**{**dict(thresholds), "tags": own}), overrides)
    composer = Composer(selector, Patterns(("tag_1*",), ("tag_12",)), Captions())
    levels = ("simple", "medium", "complex")
    images = [(f"{number}", levels[number % 3]) for number in range(len(scores.book))][::-1]
    by_row = Counter()
    for sha256, level in images:
        by_row.update(composer.names(scores[sha256], level))
    assert tallied(composer, scores, images, {}).found == by_row and by_row["tag_12"] and not by_row["tag_11"]


def test_an_image_that_hides_a_tag_is_counted_unless_it_has_the_tag_as_well(scores):
    composer = Composer(Selector(VOCABULARY_OF, Thresholds(), {}), Patterns(("tag_7",), ()), Captions())
    images = [(f"{number}", "medium") for number in range(len(scores.book))]
    unfiltered = replace(composer, filter=Patterns((), ()))
    shown = [set(unfiltered.names(scores[name], level)) for name, level in images]
    hiding = sum(bool({"tag_7", "tag_8"} & tags) and "tag_1" not in tags for tags in shown)
    hiders = {"tag_1": frozenset({"tag_7", "tag_8", "no such tag"}), "tag_2": frozenset({"no such tag"})}
    assert tallied(composer, scores, images, hiders).hidden == Counter({"tag_1": hiding}) and 0 < hiding < len(images)


def test_no_images_have_no_tags(scores):
    composer = Composer(Selector(VOCABULARY_OF, Thresholds(), {}), Patterns((), ()), Captions())
    assert tallied(composer, scores, [], {}) == Tally()


@pytest.mark.parametrize("rule", ["agreement", "union"])
@pytest.mark.parametrize(
    "thresholds", [Thresholds(mode="fixed", fixed=0.5), Thresholds(mode="mcut")], ids=lambda t: t.mode
)
def test_counts_of_two_readers_are_those_of_the_rows(scores, rule, thresholds):
    words = Vocabulary("w", (*NAMES[20:41], "new", *NAMES[5:10]), ("general",) * 27)
    ledger = scores_of_a_second(scores.ledger, words)
    both = ScoreBook(ledger, "r").beside(ScoreBook(ledger, "second"))
    first, other = (Selector(each, thresholds, {}) for each in (VOCABULARY_OF, words))
    against = Exclusive((frozenset({"tag_3", "tag_30", "new"}),), ()).against
    composer = Composer(first, Patterns(("tag_7",), ()), Captions(), Readers(first, other, rule, against))
    levels = ("simple", "medium", "complex")
    images = [(f"{number}", levels[number % 3]) for number in range(BLOCK + 100)]
    shown = [set(composer.names(both[name], level)) for name, level in images]
    hiders = {"new": frozenset({"tag_30"}), "tag_25": frozenset({"new"})}
    found = tallied(composer, both, images, hiders)
    unhidden = {
        name: sum(bool(each & others) and name not in each for each in shown) for name, others in hiders.items()
    }
    expected = Counter(name for each in shown for name in each)
    assert {name: count for name, count in found.found.items() if name != "twice"} == {
        name: count for name, count in expected.items() if name != "twice"
    }
    assert found.hidden == unhidden and (rule == "agreement" or expected["new"])
