"""Arrow small: no pandas with its first array, the system's own memory, and nothing left behind."""

import subprocess
import sys

CODE = """
import os, sys
before = dict(os.environ), list(sys.meta_path)
from prep.process.arrow import keep_arrow_small
keep_arrow_small()
import pyarrow
assert pyarrow.table({"name": ["mira"]}).to_pylist() == [{"name": "mira"}]
assert "pandas" not in sys.modules
assert pyarrow.default_memory_pool().backend_name == "system"
assert (dict(os.environ), list(sys.meta_path)) == before
"""


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_first_array_brings_no_pandas_and_takes_the_systems_memory():
    run(CODE)


def test_others_may_import_pandas_afterwards():
    run(CODE + "import pandas\n")


def test_it_does_the_same_where_pyarrow_was_imported_before():
    run("import pyarrow\nfield = pyarrow.field('name', pyarrow.string())\n" + CODE)
