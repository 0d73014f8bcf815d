"""docs/RELIABILITY.md names tests that are there."""

import re

import pytest

from tests.support.examples import ROOT

PAGE = (ROOT / "docs" / "RELIABILITY.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:\w+/)*test_\w+\.py(?:::\w+)?|tests/\w+/)`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_is_there(name):
    path, _, test = name.partition("::")
    found = [root / path for root in (ROOT, ROOT / "tests", ROOT / "tests" / "faults") if (root / path).exists()]
    assert found, name
    assert not test or f"def {test}(" in found[0].read_text(), name


def test_every_row_says_what_happens_and_what_shows_it():
    table = PAGE.partition("## Faults, one by one")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) > 20 and {len(row) for row in rows} == {4} and not [row for row in rows if not all(row[:3])]
