from tests.support.fetching import online, page  # noqa: F401 - fixtures
