"""The trigger words of a set: each character's, and each variant's that has one."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prep.captions.characters import table, variant_table
from prep.names import printable
from prep.types import Profile


class TriggerWord(NamedTuple):
    word: str
    table: str  # the settings' table that can change it
    name: str  # whose it is, for messages


def words_of(profiles: Iterable[Profile]) -> Iterator[TriggerWord]:
    """profiles: of characters and of variants."""
    for each in profiles:
        name = printable(each.character)
        if not each.variant:
            yield TriggerWord(each.trigger, table(each.character), name)
        elif each.variant_trigger:
            of_variant = variant_table(each.character, each.variant)
            yield TriggerWord(each.variant_trigger, of_variant, f"{name}/{printable(each.variant)}")
