import pytest

from tests.support.serving import served_here


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """One server of the starter models for all tests that leave it as it was."""
    with served_here(tmp_path_factory.mktemp("serve")) as found:
        yield found
