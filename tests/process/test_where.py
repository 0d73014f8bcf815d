"""The table and the advice: what they say of made-up figures."""

import pytest

from prep.process.trace import Spent, Sums
from prep.process.where import advice, table


def sums(stages: dict, **kinds: dict) -> Sums:
    """stages: name -> (wall seconds, CPU seconds); kinds by stage: kind -> (seconds, CPU seconds)."""
    found = {name: Spent(1, *both) for name, both in stages.items()}
    return Sums(found, {(name, kind): Spent(5, *both) for name, own in kinds.items() for kind, both in own.items()})


def test_a_table_has_a_line_per_stage_and_kind():
    found = sums({"scan": (4, 8), "tag": (8, 8)}, scan={"decode": (6, 6), "read": (0.01, 0)}, tag={"infer": (6, 6)})
    assert list(table(found, 16, 18, 2)) == [
        "where the time went: 16.0 s, and 18.0 s of CPU, on 2 cores",
        "stage     work         times   seconds       CPU  of the time  of all cores",
        "scan                              4.00      8.00         25 %         100 %",
        "          decode           5      6.00      6.00        150 %          75 %",
        "tag                               8.00      8.00         50 %          50 %",
        "          infer            5      6.00      6.00         75 %          38 %",
        "between                           4.00      2.00         25 %          25 %",
    ]


@pytest.mark.parametrize(
    ("stages", "kinds", "told"),
    [
        (
            {"tag": (20, 20)},
            {"tag": {"load": (1, 1), "infer": (17, 17), "wait": (1, 0), "decode": (4, 4)}},
            ["tag: the network was busy 89 % of the time, so decoding is not what you wait for: `prep doctor` says "
             "whether something runs it faster here."],
        ),
        (
            {"tag": (10, 19)},
            {"tag": {"infer": (3, 3), "wait": (6.4, 0), "decode": (14, 14), "read": (1, 1)}},
            ["tag: the network waited 64 % of the time for pictures, most of all to decode pictures, and used 95 % of "
             "all cores: more cores or smaller pictures help."],
        ),
        (
            {"tag": (10, 3)},
            {"tag": {"infer": (2, 2), "wait": (8, 0), "decode": (1, 1), "read": (15, 0)}},
            ["tag: the network waited 80 % of the time for pictures, most of all for `read`: a faster disk or network "
             "helps."],
        ),
        (
            {"scan": (4, 1), "tag": (6, 6)},
            {"scan": {"start": (2, 0), "wait": (2, 0), "measure": (1, 1)}, "tag": {"load": (5, 5), "infer": (0.1, 0)}},
            ["Loading models and starting workers took 70 % of the time. It takes as long for more pictures: profile a "
             "larger folder.",
             "scan took the longest, most of all to measure pictures, and used 12 % of all cores."],
        ),
        ({"export": (3, 3)}, {"export": {"other": (3, 3)}}, ["export took the longest, and used 50 % of all cores."]),
        ({}, {}, []),
    ],
)  # fmt: skip
def test_what_to_change_follows_from_the_figures(stages, kinds, told):
    assert list(advice(sums(stages, **kinds), 2)) == told
