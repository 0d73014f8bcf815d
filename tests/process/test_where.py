"""The table and the advice: what they say of made-up figures."""

import pytest

from prep.process.trace import Network, Spent, Sums
from prep.process.where import advice, table

HEADER = "s of the run itself, without Python's start and what follows it"


def sums(stages: dict, network: tuple = (), elsewhere: tuple = (), **kinds: dict) -> Sums:
    """stages: name -> (wall seconds, CPU seconds); kinds by stage: kind -> (seconds, CPU seconds). network: of the
    first stage, its seconds, those busy, those waited.
    """
    found = {name: Spent(1, *both) for name, both in stages.items()}
    works = {(name, kind): Spent(5, *both) for name, own in kinds.items() for kind, both in own.items()}
    networks = {next(iter(stages)): Network(*network)} if network else {}
    return Sums(found, works, dict(works), networks, {*elsewhere})


def test_a_table_has_a_line_per_stage_and_kind_and_no_cores_where_a_thread_only_waits():
    found = sums(
        {"scan": (4, 8), "tag": (8, 8), "crop": (0.004, 0)},
        scan={"decode": (6, 6), "workers": (3, 0), "other": (1, 0), "read": (0.01, 0)},
        tag={"infer": (6, 6), "wait": (1, 0), "hold": (1, 0)},
    )
    assert list(table(found, 16, 18, 2)) == [
        f"where the time went: 16.0 {HEADER}; 18.0 s of CPU; 2 cores",
        "stage     work         times   seconds       CPU  of the time  of all cores",
        "scan                              4.00      8.00         25 %         100 %",
        "          decode           5      6.00      6.00        150 %          75 %",
        "          workers          5      3.00      0.00         75 %",
        "          other            5      1.00      0.00         25 %",
        "tag                               8.00      8.00         50 %          50 %",
        "          infer            5      6.00      6.00         75 %          38 %",
        "          wait             5      1.00      0.00         12 %",
        "          hold             5      1.00      0.00         12 %",
        "between                           4.00      2.00         25 %          25 %",
    ]


def test_cpu_that_nobody_counted_has_no_figure():
    found = sums({"scan": (8, 1), "caption": (4, 4)}, elsewhere=("scan",), scan={"decode": (6, 6)})
    assert list(table(found, 16, 6, 2)) == [
        f"where the time went: 16.0 {HEADER}; workers elsewhere, whose CPU is not counted; 2 cores",
        "stage     work         times   seconds       CPU  of the time  of all cores",
        "scan                              8.00                   50 %",
        "          decode           5      6.00      6.00         75 %",
        "caption                           4.00      4.00         25 %          50 %",
        "between                           4.00                   25 %",
    ]


BUSY = "of its time: a faster card helps, or for a tagger on a CPU OpenVINO (`tagger.backend=openvino`)."


@pytest.mark.parametrize(
    ("stages", "network", "kinds", "told"),
    [
        (
            {"tag": (20, 20)}, (19, 17, 1),
            {"tag": {"load": (1, 1), "infer": (17, 17), "wait": (1, 0), "decode": (4, 4)}},
            [f"tag: the network was busy 89 % {BUSY}"],
        ),
        (  # the driver and the scan's workers wait long, and the network does before its first batch: nobody is slow
            {"scan": (20, 20)}, (10, 9, 0.5),
            {"scan": {"workers": (9, 0), "hold": (9, 0), "wait": (9.5, 0), "infer": (9, 9), "decode": (14, 14)}},
            [f"scan: the network was busy 90 % {BUSY}"],
        ),
        (
            {"tag": (10, 19)}, (10, 3, 6.4),
            {"tag": {"infer": (3, 3), "wait": (6.4, 0), "decode": (14, 14), "read": (1, 1)}},
            ["tag: the network waited 64 % of its time for pictures, most of all to decode pictures, and used 95 % of "
             "all cores: more cores or smaller pictures help."],
        ),
        (
            {"tag": (10, 3)}, (10, 2, 8),
            {"tag": {"infer": (2, 2), "wait": (8, 0), "decode": (1, 1), "read": (15, 0)}},
            ["tag: the network waited 80 % of its time for pictures, most of all for `read`: a faster disk or network "
             "helps."],
        ),
        (
            {"scan": (4, 1), "tag": (6, 6)}, (),
            {"scan": {"start": (2, 0), "workers": (2, 0), "read": (1, 1)}, "tag": {"load": (5, 5), "infer": (0.1, 0)}},
            ["Loading models and starting workers took 70 % of the time. It takes as long for more pictures: profile a "
             "larger folder.",
             "scan took the longest, most of all for `read`: a faster disk or network helps."],
        ),
        ({"scan": (4, 1)}, (), {"scan": {"measure": (3, 3), "workers": (4, 0)}}, []),  # nothing is known to help
        ({"generate": (9, 9)}, (), {"generate": {"encode": (8, 8), "draw": (1, 1)}}, []),
        ({"check": (9, 2)}, (1, 0.9, 0), {"check": {"infer": (0.9, 0.9)}}, []),  # the network is not what took long
        ({"export": (3, 3)}, (), {"export": {"other": (3, 3)}}, []),
        ({}, (), {}, []),
    ],
)  # fmt: skip
def test_what_to_change_follows_from_the_figures_or_is_not_said(stages, network, kinds, told):
    wall = sum(seconds for seconds, _ in stages.values())
    assert list(advice(sums(stages, network, **kinds), wall, 2)) == told


def test_models_that_many_workers_load_at_once_count_by_what_the_driver_waited():
    found = sums({"tag": (10, 10)}, tag={"load": (30, 30)})
    found.driver = {("tag", "start"): Spent(1, 4.0), ("", "start"): Spent(1, 2.0)}
    assert next(advice(found, 12, 2)).startswith("Loading models and starting workers took 50 % of the time.")
