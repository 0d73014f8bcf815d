"""Arrow in little memory: without pandas, which it imports, where it is installed, only to ask whether a value is of
its kind (a third of a second and 36 MB); and without a heap of its own, which the system fills up by 2 MB at any time.
Parquet's writer keeps that heap all the same, some 3 MB a process: its pool is chosen by the environment alone, which
is not ours to change.
"""

import sys


class _NoPandas:
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def keep_arrow_small() -> None:
    """For a process of prep's own. Arrow asks for pandas once a process, with its first array, and believes what it was
    told. Everybody else may import pandas, as diffusers does: but Arrow's own `to_pandas` then fails in this process.
    """
    hidden = _NoPandas()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow

        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        pyarrow.array([0])
    finally:
        sys.meta_path.remove(hidden)
