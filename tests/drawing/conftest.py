from tests.support.counting import generator, sets  # noqa: F401 - fixtures
from tests.support.person import begun, begun_drawn, made, painted  # noqa: F401 - fixtures
