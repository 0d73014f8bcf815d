"""The check tells what was asked from what was not, kind by kind, over a whole run of the examples (docs/CHECK.md)."""

import json
import shutil

import pytest

from benchmarks import gate

# One of them in `make test`, all in `make test-all`.
WRONG = [
    pytest.param(kind, marks=() if kind == "another_character" else pytest.mark.slow)
    for kind in gate.KINDS
    if kind != "as_asked"
]


@pytest.fixture
def out(examples, tmp_path):
    """The examples are read, and what the starter draws is drawn: what is left is the trial itself."""
    return shutil.copytree(examples[0], tmp_path / "out")


@pytest.mark.parametrize("kind", WRONG)
def test_what_was_not_asked_is_rejected(kind, out):
    figures = gate.judged(kind, out, 2)
    pictures, passed = figures["pictures"], figures["pictures"] - sum(figures["reasons"].values())
    assert pictures >= 24 and passed <= 2, json.dumps(figures)


def test_what_was_asked_is_accepted(out):
    figures = gate.judged("as_asked", out, 2)
    reasons, pictures = figures["reasons"], figures["pictures"]
    wrong = sum(count for reason, count in reasons.items() if reason != "copy")  # an earlier one shows it already
    assert pictures >= 24 and wrong / pictures <= 0.3, json.dumps(figures)


@pytest.mark.slow
def test_half_of_what_the_starter_draws_is_accepted(tmp_path):
    figures = gate.judged(gate.DRAWN, tmp_path / "out", 1)
    assert figures["pictures"] >= 12 and figures["rejected"] <= 0.5, json.dumps(figures)
