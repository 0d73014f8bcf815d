"""What witnesses say of a drawn picture, line by line."""

import numpy as np
import pytest

from prep.checks.retag import as_copy
from prep.checks.witnessed import MOST_REFERENCES, Witnessed, references
from prep.types import Check
from tests.fakes import FakeWitness

KEPT = Check(1.0, True, None)


def book(**seen: float) -> dict[str, dict]:
    return {name: {"seen": [value]} for name, value in seen.items()}


def both(identity: dict[str, float], damage: dict[str, float]) -> Witnessed:
    witnesses = {"identity": FakeWitness("identity"), "damage": FakeWitness("damage")}
    return Witnessed({"identity": book(**identity), "damage": book(**damage)}, witnesses)


REAL = {"a": 0.1, "b": 0.12, "c": 0.9}


def test_what_nobody_speaks_against_stays_accepted_with_its_measures():
    check = both({**REAL, "x": 0.1}, {"x": 0.2}).judge(KEPT, "x", REAL)
    assert check.kept and check.reason is None
    assert check.identity == pytest.approx(0.02) and check.damage == pytest.approx(0.2)


def test_another_character_and_a_damaged_picture_are_rejected_damage_first():
    assert both({**REAL, "x": 0.9}, {"x": 0.2}).judge(KEPT, "x", REAL).reason == "another_character"
    assert both({**REAL, "x": 0.1}, {"x": 0.7}).judge(KEPT, "x", REAL).reason == "damaged"
    both_against = both({**REAL, "x": 0.9}, {"x": 0.7})
    assert both_against.speaks_against("x", REAL) == "damaged"
    assert not both_against.judge(KEPT, "x", REAL).kept


def test_what_the_tags_reject_keeps_their_reason_and_is_measured_all_the_same():
    check = both({**REAL, "x": 0.9}, {"x": 0.7}).judge(as_copy(KEPT), "x", REAL)
    assert check.reason == "copy" and check.damage == pytest.approx(0.7)


def test_without_a_witness_or_before_it_has_looked_nothing_is_measured():
    assert Witnessed({}, {}).judge(KEPT, "x", REAL) == KEPT
    check = both(REAL, {}).judge(KEPT, "x", REAL)
    assert check.kept and check.identity is None and check.damage is None


def test_identity_without_a_real_picture_is_not_measured():
    assert both({"x": 0.9}, {"x": 0.2}).measure("identity", "x", ["a", "b"]) is None


def test_nothing_is_compared_twice():
    first = both({**REAL, "x": 0.1}, {"x": 0.2})
    first.judge(KEPT, "x", REAL)
    assert {about: len(found) for about, found in first.new.items()} == {"identity": 1, "damage": 1}
    second = Witnessed(
        first.books, first.witnesses, {key: value for new in first.new.values() for key, value in new.items()}
    )
    measured = [witness.measured for witness in second.witnesses.values()]
    assert second.judge(KEPT, "x", reversed(REAL)) == first.judge(KEPT, "x", REAL) and second.new == {}
    assert [witness.measured for witness in second.witnesses.values()] == measured
    second.measure("identity", "x", ["a"])
    assert len(second.new["identity"]) == 1


def test_references_are_few_the_same_in_any_order_and_a_new_picture_changes_at_most_one():
    real = [f"{number:064x}" for number in range(100)]
    chosen = references(real)
    assert len(chosen) == MOST_REFERENCES and references(real[::-1]) == chosen
    assert len(set(chosen) - set(references([*real, "ff" * 32]))) <= 1
    numbers = [real.index(each) for each in chosen]
    assert 25 < np.mean(numbers) < 75
