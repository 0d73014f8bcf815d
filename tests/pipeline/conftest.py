from tests.support.counting import generator, sets  # noqa: F401 - fixtures
