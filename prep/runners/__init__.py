"""Where batches run. A new runner is a file beside this one and a line here; a package outside the project adds its own
through the entry point group `prep.runners`.
"""

from prep.errors import UsageError
from prep.protocols import Runner
from prep.registry import Family

RUNNERS = Family(
    "no runner",
    "prep.runners",
    {"local": "prep.runners.local:LocalRunner", "ray": "prep.runners.ray:RayRunner"},
    UsageError,
)
ADDRESSES = ("ray",)  # those of which an address may be named


def load_runner(name: str) -> Runner:
    """The runner of that name, or `ray://HOST:PORT`. Raises UsageError with the nearest name for an unknown one."""
    family, is_address, _ = name.partition("://")
    if is_address and family in ADDRESSES:
        return RUNNERS.load(family)(name)
    return RUNNERS.load(name)()
