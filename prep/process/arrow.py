"""Keep Arrow small: without pandas, which it imports, if installed, only to check a value's type (a third of a second
and 36 MB); and without a heap of its own, which the system grows by 2 MB at a time. Parquet's writer keeps that heap
anyway, about 3 MB per process: only the environment can choose its pool, and that is not ours to change.
"""

import sys


class _NoPandas:
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def keep_arrow_small() -> None:
    """Only for prep's own processes. Arrow looks for pandas once per process, at its first array, and remembers the
    answer. Others may still import pandas, as diffusers does, but Arrow's own `to_pandas` then fails in this process.
    """
    hidden = _NoPandas()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow

        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        pyarrow.array([0])
    finally:
        sys.meta_path.remove(hidden)
