"""A caption's tags as one to three English sentences, by the grammar of sentence.py. Prompts keep its one sentence."""

from collections.abc import Sequence

from prep.captions.compose import prompt_text
from prep.captions.sentence import Parts, anded, sentence_parts

VERSION = 3  # raised when the same tags give another text
IN_ONE = 4  # what is worn, done and around, for one sentence
SHE = {"her": "She is", "his": "He is", "their": "They are"}
TIMES = ("at ", "by day", "in summer", "in winter", "in autumn", "in spring", "in the evening")
APART = ("with ", "against ", "before ")


def described(tags: Sequence[str], length: str = "medium") -> str:
    """length: `short`: one sentence. Each tag is said once, as by `sentence`. Empty without tags."""
    found = sentence_parts(tags)
    if found is None:
        return ""
    doing, around = found.doing, _around(found)
    worn = [f"wearing {found.wearing}"] if found.wearing else []
    who = found.subject + (f" with {anded(found.looks)}" if found.looks else "") + f" {found.be}"
    rest = f" Other details: {', '.join(map(prompt_text, found.left))}." if found.left else ""
    if length == "short" or len(worn + doing + around) <= IN_ONE or found.subject.startswith("A scene"):
        groups = [(worn + doing, around)]
    elif len(doing + around) < IN_ONE or not doing:
        groups = [(worn, []), (doing, around)]
    else:
        groups = [(worn, []), (doing, []), ([], around)]
    groups = [group for group in groups if any(group)] or [([], [])]
    begins = [who, *[SHE.get(found.her, who)] * (len(groups) - 1)]
    return " ".join(f"{begin} {_said(*group)}." for begin, group in zip(begins, groups, strict=True)) + rest


def _around(found: Parts) -> list[str]:
    """Where, when, what is there, how it is seen."""
    settings = sorted(found.settings, key=lambda said: 2 * said.startswith(APART) + said.startswith(TIMES))
    styles = [f"drawn {' '.join(found.styles)}"] if found.styles else []
    return [*settings, *([anded(found.views)] if found.views else []), *styles]


def _said(doing: list[str], around: list[str]) -> str:
    """Behind `is`: what begins with `with` or `against` needs a verb."""
    if doing:
        return ", ".join([_joined(doing), *around])
    if around and around[0].startswith(APART):
        return f"shown {', '.join(each.removeprefix('shown ') for each in around)}"
    return ", ".join(around) or "shown"


def _joined(parts: list[str]) -> str:
    """Two by `and`; more, or those that contain an `and` or a comma, with commas."""
    if len(parts) > 2 or any(" and " in part or ", " in part for part in parts):
        return f"{', '.join(parts[:-1])}, and {parts[-1]}" if len(parts) > 1 else parts[0]
    return " and ".join(parts)
