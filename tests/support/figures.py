"""What a long trial counted: a line at the end of pytest's report, and a property of the test."""

import pytest


@pytest.fixture
def figure(record_property):
    """figure("1,080 images: 0 tracebacks") is shown at the end, also when the test fails after it."""
    return lambda text: record_property("figure", str(text))


def lines(terminal) -> list[str]:
    """One line per figure, with the test that gave it."""
    reports = [report for kind in ("passed", "failed") for report in terminal.stats.get(kind, ())]
    return [
        f"{report.nodeid.partition('::')[2]}: {value}"
        for report in reports
        for name, value in report.user_properties
        if name == "figure"
    ]
