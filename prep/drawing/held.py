"""Which of a character's traits the model holds: what consistency samples asked for and what was read in them; and how
like the real pictures and one another they are, if a witness of identity measured it.
"""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import NamedTuple

from prep.names import printable
from prep.types import Profile

KNOWS = 0.5  # share of all traits asked for, from which on the model is said to know the character


class Sample(NamedTuple):
    asked: Sequence[str]  # tags
    missing: Sequence[str]  # those of them that were not read
    identity: float | None = None  # how unlike the real pictures it is; None: not measured
    alike: float | None = None  # how unlike the other samples


def held_lines(profile: Profile, model: str, samples: Iterable[Sample], name: Callable[[str], str]) -> list[str]:
    """['held by MODEL: orange hair 4 of 4, blue eyes 0 of 3; likeness ...'], and a line if the model does not know the
    character; empty without samples or traits. name: a tag as it is written.
    """
    samples, traits = list(samples), profile.traits or profile.body
    asked = {tag: [0, 0] for tag in profile.tags if tag in traits}
    for sample in samples:
        for tag in asked.keys() & set(sample.asked):
            asked[tag][1] += 1
            asked[tag][0] += tag not in sample.missing
    parts = [f"{name(tag)} {held} of {of}" for tag, (held, of) in asked.items() if of]
    if not parts:
        return []
    held, of = (sum(each[at] for each in asked.values()) for at in (0, 1))
    lines = [f"held by {model}: {', '.join(parts)}; {_likeness(samples)}"]
    if held < KNOWS * of:
        lines.append(f"{model} does not know {printable(profile.character)}: that is what the LoRA is for")
    return lines


def _likeness(samples: Sequence[Sample]) -> str:
    """Medians of a witness' differences: the smaller, the more alike."""
    real, others = (
        [each for sample in samples if (each := getattr(sample, name)) is not None] for name in ("identity", "alike")
    )
    if not real:
        return "likeness not measured"
    more = f", from one another {median(others):.2f}" if others else ""
    return f"difference from the real pictures {median(real):.2f}{more}"
