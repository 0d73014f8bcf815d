"""The check tells what was asked from what was not, kind by kind, over a whole run of the examples (docs/CHECK.md)."""

import json
import shutil

import pytest

from benchmarks import gate
from tests.support.runs import manifest

# One of them in `make test`, all in `make test-all`.
WRONG = [
    pytest.param(kind, marks=() if kind == "another_character" else pytest.mark.slow)
    for kind in gate.KINDS
    if kind != "as_asked"
]


@pytest.fixture
def out(examples, tmp_path):
    """The examples are read, and nothing is drawn: what is left is the trial itself."""
    out = shutil.copytree(examples[0], tmp_path / "out", ignore=shutil.ignore_patterns("generated", "kohya", "judged"))
    (out / "manifest.parquet").unlink()
    return out


@pytest.mark.parametrize("kind", WRONG)
def test_what_was_not_asked_is_rejected(kind, out):
    figures = gate.judged(kind, out, 2)
    assert figures["pictures"] >= 24 and figures["rejected"] >= 0.95, json.dumps(figures)


def test_what_was_asked_is_accepted(out):
    figures = gate.judged("as_asked", out, 2)
    assert figures["pictures"] == 48 and figures["rejected"] <= 0.3, json.dumps(figures)


def test_what_the_starter_draws_is_mostly_accepted(examples):
    drawn = [row for row in manifest(examples[0]) if row["origin"] == "augmentation"]
    rejected = [row["reason"] for row in drawn if row["status"] != "kept"]
    assert len(drawn) - len(rejected) >= 14 and len(rejected) / len(drawn) <= 0.3, rejected
