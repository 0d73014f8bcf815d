"""The check tells what was asked from what was not, kind by kind, over a whole run of the examples (docs/CHECK.md)."""

import json

import pytest

from benchmarks import gate

WRONG = [kind for kind in gate.KINDS if kind != "as_asked"]


@pytest.mark.parametrize("kind", WRONG)
def test_what_was_not_asked_is_rejected(kind, tmp_path):
    figures = gate.judged(kind, tmp_path / "out", 2)
    assert figures["pictures"] >= 24 and figures["rejected"] >= 0.95, json.dumps(figures)


def test_what_was_asked_is_accepted(tmp_path):
    figures = gate.judged("as_asked", tmp_path / "out", 2)
    assert figures["pictures"] == 48 and figures["rejected"] <= 0.3, json.dumps(figures)


def test_what_the_starter_draws_is_mostly_accepted(tmp_path):
    figures = gate.judged(gate.DRAWN, tmp_path / "out", 1)
    assert figures["pictures"] == 24 and figures["rejected"] <= 0.3, json.dumps(figures)
