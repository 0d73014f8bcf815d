"""The Ray runner keeps to what every runner keeps to. On one node with one CPU, so that batches come in order."""

from importlib.util import find_spec

import pytest

from tests.contracts.test_runners import (  # noqa: F401
    test_an_error_in_a_job_closes_it_and_is_raised_as_it_was,
    test_an_isolated_job_has_one_outcome_an_item_too,
    test_every_item_has_one_outcome_and_the_notes_come_after,
    test_who_stops_asking_leaves_the_job_closed,
    test_without_work_nothing_is_opened,
)
from tests.support.raylets import begun, cluster

pytestmark = [
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed (pip install 'ray[client]', 260 MB)"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def one():
    with cluster(1) as found:
        yield found


@pytest.fixture
def runner(one, tmp_path_factory, monkeypatch):
    yield from begun(one, tmp_path_factory.mktemp("out"), monkeypatch)
