"""Which of a character's traits the model holds: what consistency samples asked for and what was read in them."""

from collections.abc import Callable, Iterable, Sequence

from prep.types import Profile

Sample = tuple[Sequence[str], Sequence[str]]  # tags that were asked for, and those of them that were not read
KNOWS = 0.5  # share of all traits asked for, from which on the model is said to know the character


def held_lines(profile: Profile, model: str, samples: Iterable[Sample], name: Callable[[str], str]) -> list[str]:
    """['held by MODEL: orange hair 4 of 4, blue eyes 0 of 3', and a line if it does not know the character]; empty
    without samples or traits. name: a tag as it is written.
    """
    traits = profile.traits or profile.body
    asked = {tag: [0, 0] for tag in profile.tags if tag in traits}
    for wanted, missing in samples:
        for tag in asked.keys() & set(wanted):
            asked[tag][1] += 1
            asked[tag][0] += tag not in missing
    parts = [f"{name(tag)} {held} of {of}" for tag, (held, of) in asked.items() if of]
    if not parts:
        return []
    held, of = (sum(each[at] for each in asked.values()) for at in (0, 1))
    lines = [f"held by {model}: {', '.join(parts)}"]
    if held < KNOWS * of:
        lines.append(f"{model} does not know {profile.character}: that is what the LoRA is for")
    return lines
