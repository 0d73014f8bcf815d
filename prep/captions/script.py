"""Trigger words that SD3.5's CLIP encoders read poorly: words in non-Latin scripts are split into bytes."""

import unicodedata
from collections.abc import Iterable

from prep.captions.trigger_words import TriggerWord

SHOWN = 3


def hard_to_read(triggers: Iterable[TriggerWord]) -> str:
    """One line about all such triggers, with a setting that changes them; or empty."""
    found = [trigger for trigger in triggers if not is_latin(trigger.word)]
    if not found:
        return ""
    words = ", ".join(f"`{trigger.word}`" for trigger in found[:SHOWN]) + (" ..." if len(found) > SHOWN else "")
    which = "trigger word" if len(found) == 1 else "trigger words"
    example = f'{found[0].table} trigger = "a_name_in_latin_letters"'
    return f"CLIP reads the {which} {words} poorly: the letters are not Latin. To change one in prep.toml: {example}"


def is_latin(word: str) -> bool:
    """Whether all its letters are Latin."""
    return all("LATIN" in unicodedata.name(letter, "LATIN") for letter in word if letter.isalpha())
