"""From scores to a caption: threshold, filter, overlap, traits, order, limit, spelling of tags. Touches no file."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b

import numpy as np

from prep.captions.overlap import overlapped
from prep.config import recipe
from prep.names import alike_words
from prep.sections import Captions
from prep.tagging.filters import Patterns
from prep.tagging.people import PEOPLE
from prep.tagging.readers import Disagreement, Readers, Shown, strongest_first
from prep.tagging.thresholds import Selector
from prep.types import Caption, Profile, Removed, Tag, TagScores

VERSION = 1  # of the rules: raised when the same scores, settings and lists give another caption
PROOF_BYTES = 8
RECENT = 2048  # whole captions in memory, of some 6 kB each

SEPARATORS = re.compile(r"[\s,\x00-\x1f\x7f]+")

UNCAPTIONED = {"artist", "series", "meta"}  # categories, unless captions.also asks for them
# Danbooru's emoticon tags: their underscores are part of the face.
KAOMOJI = frozenset(
    "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_|| d_d ;_; :_: t_t "
    "n_n -_- *_* $_$ !_! ?_? ._.; ^_~ ~_^ >_> <_< \\_/ /_\\ \\||/ \\o/ o_0 0_o x_o o_x c_c v_v q_q _(:3".split()
)


def prompt_text(name: str) -> str:
    """A tag as prompts spell it: with spaces, kaomoji unchanged, nothing escaped."""
    return SEPARATORS.sub(" ", name if name.lower() in KAOMOJI else name.replace("_", " ")).strip()


@dataclass(frozen=True)
class Composer:
    """Turns an image's scores into its caption, under one set of settings."""

    selector: Selector
    filter: Patterns
    settings: Captions
    readers: Readers | None = None  # None: there is one reader

    @cached_property
    def recent(self) -> dict[bytes, Caption]:
        """By proof, the captions that were kept last: of a small set all of them."""
        return {}

    def keep(self, caption: Caption) -> None:
        """Keep it among the recent ones, for whoever asks for it again."""
        self.recent[caption.proof] = caption
        if len(self.recent) > RECENT:
            del self.recent[next(iter(self.recent))]

    @property
    def both(self) -> Readers | None:
        """The two readers, if captions follow from both."""
        return self.readers if self.readers and self.readers.rule != "first" else None

    @cached_property
    def drops(self) -> Callable[[str], bool]:
        """Whether the filter drops a name, or its category is not for captions. Cached: a set has a few hundred names,
        each in many images.
        """
        return cache(lambda name: name in self.filter or name in self.not_for_captions)

    @cached_property
    def not_for_captions(self) -> frozenset[str]:
        """Artists, series and the like: a caption that names one teaches that word what the trigger should learn."""
        words, unwanted = self.readers or self.selector.vocabulary, UNCAPTIONED - set(self.settings.also)
        of = dict(
            zip(reversed(words.names), reversed(words.categories), strict=True)
        )  # the first reader's category wins
        return frozenset(name for name, category in of.items() if category in unwanted)

    @cached_property
    def caption_text(self) -> Callable[[str], str]:
        """A tag's name as captions spell it."""
        return cache(self._caption_text)

    @cached_property
    def recipe(self) -> bytes:
        """A hash of all that is the same for each caption: the rules, settings, lists and the vocabulary."""
        words, chosen = self.selector.vocabulary, (self.selector.settings, self.selector.overrides)
        made_of = (words.names, words.categories, *chosen, self.filter.content, self.settings)
        made_of += (words.thresholds,) if words.thresholds else ()
        made_of += self.both.made_of if self.both else ()
        return recipe("caption", VERSION, *made_of).encode()

    def proof(self, scores: TagScores, level: str, profile: Profile, items: tuple[str, ...]) -> bytes:
        """A digest of a caption's items and of all that they follow from. Items that are remembered with it need not be
        composed again: where anything that shapes them has changed, or they themselves, it is another.
        """
        index, score = scores.index.tobytes(), scores.score.tobytes()
        start = b"%s %s %d " % (self.recipe, level.encode(), len(scores.index))
        if self.both and (second := scores.second) is not None:
            score += b" %d " % len(second.index) + second.index.tobytes() + second.score.tobytes()
        data = b"".join((start, index, score, profile.shaping, "\0".join(items).encode("utf-8", "surrogatepass")))
        return blake2b(data, digest_size=PROOF_BYTES).digest()

    def names(self, scores: TagScores, level: str) -> list[str]:
        """The names that pass threshold and filter, best first: what a profile counts."""
        names, _, index, _ = self._read(scores, level)
        return [names[at] for at in index.tolist() if not self.drops(names[at])]

    def disagreements(self, scores: TagScores, level: str) -> list[Disagreement] | None:
        """Where the two readers differ about tags that the filter lets through, the strongest first. None: there is one
        reader, or the second has not read the picture.
        """
        if self.readers is None or scores.second is None:
            return None
        found = self.readers.disagreements(scores, level)
        return strongest_first(each for each in found if not self.drops(each.name))

    def _read(self, scores: TagScores, level: str) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray, np.ndarray]:
        """What passes its threshold, of both readers if captions follow from both.

        -> (names, categories, int [K] into these, float32 [K]), best first.
        """
        index, values = self.selector.select(scores, self.selector.threshold(scores, level), level)
        both, second = self.both, scores.second
        if both is None or second is None:
            return self.selector.vocabulary.names, self.selector.vocabulary.categories, index, values
        theirs, sure = both.second.select(second, both.second.threshold(second, level), level)
        one, other = (Shown(np.zeros(len(each), np.int64), each, score) for each, score in
                      ((index, values), (theirs, sure)))  # fmt: skip
        _, index, values = both.together(one, other, np.ones(1, bool))
        order = np.lexsort((index, -values))
        return both.names, both.categories, index[order], values[order]

    def caption(self, scores: TagScores, level: str, profile: Profile) -> Caption:
        threshold = self.selector.threshold(scores, level)
        names, categories, index, values = self._read(scores, level)
        found = [
            Tag(names[at], categories[at], value) for at, value in zip(index.tolist(), values.tolist(), strict=True)
        ]
        tags, removed = self._reduced(found, profile)
        ordered = self._ordered(self._with_always(tags, found, profile))
        items = [*profile.triggers]
        variant = alike_words(profile.variant_trigger)
        kept = []
        for tag in ordered:
            text = self.caption_text(tag.name)
            if variant and alike_words(text) == variant:  # in the caption it is the trigger; for prompts it stays a tag
                kept.append(tag)
            elif len(items) >= self.settings.max_tags and tag.name not in profile.always:
                removed.append(Removed(tag.name, "limit"))
            elif text and text not in items:
                items.append(text)
                kept.append(tag)
        return Caption(
            tags=tuple(kept),
            removed=tuple(removed),
            rating=self.selector.rating(scores),
            threshold=threshold,
            items=tuple(items),
            text=", ".join(items),
            proof=self.proof(scores, level, profile, tuple(items)),
            triggers=len(profile.triggers),
        )

    def _caption_text(self, name: str) -> str:
        if self.settings.spaces and not (self.settings.kaomoji and name.lower() in KAOMOJI):
            name = name.replace("_", " ")
        if self.settings.escape_parentheses:
            name = re.sub(r"([()])", r"\\\1", name)
        # A caption stays one line and a tag one item, whatever the tagger's list of names contains.
        return SEPARATORS.sub(" ", name).strip()

    def _reduced(self, found: list[Tag], profile: Profile) -> tuple[list[Tag], list[Removed]]:
        removed: list[Removed] = []
        passed = [tag for tag in found if not self.drops(tag.name)]
        dropped = (tag for tag in found if self.drops(tag.name) and tag.name not in profile.always)
        removed += [Removed(tag.name, "filter" if tag.name in self.filter else "category") for tag in dropped]
        general = [tag.name for tag in passed if tag.category == "general"]
        # Before the traits: `ribbon` gives way to `hair_ribbon` even if that is then dropped as a trait.
        doubled = overlapped(general) if self.settings.overlap else set()
        traits = profile.traits if self.settings.traits == "drop" else frozenset()
        kept = []
        for tag in passed:
            if tag.name in profile.never:
                removed.append(Removed(tag.name, "settings"))
            elif tag.name in profile.unseen and tag.name not in profile.always:
                removed.append(Removed(tag.name, "crop"))
            elif tag.name in doubled and tag.name not in profile.always:
                removed.append(Removed(tag.name, "overlap"))
            elif tag.name in traits and tag.name not in profile.always:
                removed.append(Removed(tag.name, "trait"))
            else:
                kept.append(tag)
        return kept, removed

    def _with_always(self, tags: list[Tag], found: list[Tag], profile: Profile) -> list[Tag]:
        """Add the tags that the settings want in each caption, with the score that the tagger gave them, or 0."""
        there = {tag.name for tag in tags}
        read = {tag.name: tag for tag in found}
        return tags + [read.get(name, Tag(name, "general", 0.0)) for name in profile.always if name not in there]

    def _ordered(self, tags: list[Tag]) -> list[Tag]:
        """People first, then `solo`, then by confidence (or by name)."""

        def place(tag: Tag) -> tuple:
            rank = 0 if PEOPLE.match(tag.name) else 1 if tag.name == "solo" else 2
            return (rank, tag.name) if self.settings.order == "alphabetical" else (rank, -tag.score, tag.name)

        return sorted(tags, key=place)
