"""A person of another taste than the thresholds corrects some of a made-up set's pictures.

How clearly a picture shows a tag is drawn from mixtures of beta distributions: of the pictures that have it most show
it clearly and some faintly, of the others most do not and some have what looks like it. The tagger's score is that with
noise, lower in busier pictures. The person wants a tag from a clearness of their own on: where their taste is the
machine's, from the one that the level's threshold stands for.

No person was asked: the shares are guesses. With them a caption has about 20 tags, of which the person would correct 5.
"""

from dataclasses import dataclass

import numpy as np

from prep.options import LEVELS
from prep.sections import Thresholds
from prep.tagging.corrections import Case, Proposal

FLOOR = 0.02  # of the scores that are kept
LEVEL_SHARES = (0.35, 0.4, 0.25)
LEVEL_SHIFTS = np.array([0.2, 0.0, -0.3])  # logits: scores are lower in busier pictures
TAGGER_NOISE = 0.4  # logits
PERSON_NOISE = 0.15  # logits: two looks at one picture differ
OTHER_TASTE, NEVER = 0.3, 0.03  # shares of tags: with a threshold of the person's own, and never wanted
SLIP = 0.05  # share of the tags looked at that are judged the wrong way
UNSEEN = 0.2  # share of the missing tags that the person does not notice


@dataclass(frozen=True)
class MadeUp:
    level: np.ndarray  # int [P], place in LEVELS
    score: np.ndarray  # float32 [P, T], 0 under the floor
    wish: np.ndarray  # bool [P, T]: what the person wants, without slips
    slipped: np.ndarray  # bool [P, T]
    unseen: np.ndarray  # bool [P, T]
    own: np.ndarray  # float32 [3, T]: the thresholds that stand for the person's taste

    def now(self, tag: str, level: str) -> float:
        return getattr(Thresholds(), level)

    @property
    def had(self) -> np.ndarray:
        """bool [P, T]: what the machine's captions have."""
        return self.score >= np.array([self.now("", level) for level in LEVELS], np.float32)[self.level][:, None]

    @property
    def ideal(self) -> np.ndarray:
        """bool [P, T]: what they have with the person's own thresholds. The tagger's noise is still in it."""
        return (self.score >= self.own[self.level]) & (self.score > 0)

    def then(self, found: list[Proposal]) -> np.ndarray:
        """bool [P, T]: what they have after the proposals."""
        thresholds = np.empty((len(LEVELS), self.score.shape[1]), np.float32)
        thresholds[:] = [[self.now("", level)] for level in LEVELS]
        for each in found:
            thresholds[LEVELS.index(each.level), int(each.tag)] = each.proposed
        return self.score >= thresholds[self.level]

    def corrected(self, pictures: int) -> list[Case]:
        """The cases of the first pictures, as the person leaves them. Tags are called by their number."""
        had, score = self.had[:pictures], self.score[:pictures]
        noticed = had | (self.wish[:pictures] & ~self.unseen[:pictures])
        left = np.where(noticed, self.wish[:pictures] ^ (self.slipped[:pictures] & noticed), had)
        return [
            Case(str(tag), LEVELS[self.level[picture]], float(score[picture, tag]), bool(left[picture, tag]))
            for picture, tag in np.argwhere(left | (score > 0))
        ]


def made_up(seed: int, pictures: int, tags: int, by_level: bool = False, others: float = OTHER_TASTE) -> MadeUp:
    """by_level: the person's taste for a tag at one level says nothing about the others. others: share of the tags
    for which the person has a threshold of their own.
    """
    rng = np.random.default_rng(seed)
    size = (pictures, tags)
    level = rng.choice(len(LEVELS), pictures, p=LEVEL_SHARES)
    present = rng.random(size) < np.exp(rng.uniform(np.log(0.01), np.log(0.6), tags))
    clear, alike = rng.random(size) < 0.65, rng.random(size) < rng.beta(1, 9, tags)
    shown = np.where(clear, rng.beta(8, 2, size), rng.beta(3, 4, size))
    hidden = np.where(alike, rng.beta(2, 4, size), rng.beta(0.5, 12, size))
    clearness = _logit(np.where(present, shown, hidden))
    score = _share(clearness + LEVEL_SHIFTS[level][:, None] + rng.normal(0, TAGGER_NOISE, size))
    score = score.astype(np.float16).astype(np.float32)
    same = _logit(np.array([getattr(Thresholds(), name) for name in LEVELS])) - LEVEL_SHIFTS
    tastes = (len(LEVELS) if by_level else 1, tags)
    kind = rng.random(tastes)
    own = np.where(kind < others, rng.uniform(0.5, 1.5, tastes) * rng.choice((-1, 1), tastes), 0.0)
    own[kind > 1 - NEVER] = np.inf
    wish = clearness + rng.normal(0, PERSON_NOISE, size) >= same[level][:, None] + own[level if by_level else 0]
    slipped, unseen = rng.random(size) < SLIP, rng.random(size) < UNSEEN
    thresholds = _share((same + LEVEL_SHIFTS)[:, None] + own).astype(np.float32)
    return MadeUp(level, np.where(score > FLOOR, score, 0), wish, slipped, unseen, thresholds)


@dataclass(frozen=True)
class Effect:
    """Numbers of tags in captions that the person did not correct."""

    needed: int  # the machine decided them against the person
    saved: int  # of these, the proposals decide them as the person does
    false: int  # the machine was right, the proposals are not

    @property
    def untouched(self) -> int:
        return self.needed - self.saved


def effect(world: MadeUp, then: np.ndarray, corrected: int) -> Effect:
    """then: bool [P, T], what captions would have. corrected: so many pictures, the first ones, are not counted."""
    had, then, wish = (each[corrected:] for each in (world.had, then, world.wish))
    wrong = had != wish
    return Effect(int(wrong.sum()), int((wrong & (then == wish)).sum()), int((~wrong & (then != wish)).sum()))


def _logit(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 1e-6, 1 - 1e-6)
    return np.log(share / (1 - share))


def _share(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))
