"""Only one file of the captioners imports torch, and only when a model in a folder is asked for."""

import ast
import subprocess
import sys
from pathlib import Path

import prep.captioners

ROOM = Path(prep.captioners.__file__).parent


def test_only_the_model_in_this_process_imports_torch():
    found = set()
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            found |= {path.name for name in names if name.split(".")[0] in ("torch", "transformers")}
    assert found == {"_in_process.py"}


def test_a_captioner_at_an_address_loads_no_torch():
    code = "import sys, prep.captioners.llm; print(*({'torch', 'transformers', 'requests'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
