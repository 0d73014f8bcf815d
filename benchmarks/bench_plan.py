"""What it costs to plan a large set: rows are made up, no picture is read and no model is loaded.

    python benchmarks/bench_plan.py [--rows 100000 1000000] [--files 100000] [--memory-gb 6]

For each number of rows, the scan's and the tagger's rows (40 scores each) are written as prep's ledger keeps them. Then
each step of a plan runs in a process of its own: as prep does it now, and, where that makes Python objects, on Arrow's
columns alone. CPU seconds are those of one process, so other work beside it counts little. The peak of resident
memory is that of the whole process, of which `nothing` is what imports take. A step that wants more than --memory-gb
fails, and the next one follows. 10,000,000 rows take 5 GB of disk (TMPDIR). The last line is JSON.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

from plan_steps import NAMED, STEPS, merge, walk


def alone(step: str, rows: int, folder: Path, memory_gb: float) -> dict:
    """The step's figures from a process of its own; `failed` in a line if it does not end well."""
    command = [sys.executable, __file__, "--step", step, "--rows", str(rows), "--folder", str(folder)]
    done = subprocess.run([*command, "--memory-gb", str(memory_gb)], capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def one_step(step: str, rows: int, folder: Path, memory_gb: float) -> dict:
    most = round(memory_gb * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    found = NAMED[step](rows, folder)
    return found | {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--files", type=int, default=100_000, help="files to find, of one byte each")
    parser.add_argument("--memory-gb", type=float, default=6.0, help="the most that a step may take")
    parser.add_argument("--step", choices=NAMED, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(one_step(arguments.step, arguments.rows[0], arguments.folder, arguments.memory_gb)))
        return
    found: dict[str, dict] = {}
    for rows in arguments.rows:
        found[str(rows)] = {}
        with tempfile.TemporaryDirectory(prefix="prep-plan-") as name:
            for step in (step for step, most in STEPS.items() if rows <= most):
                figures = alone(step.__name__, rows, Path(name), arguments.memory_gb)
                found[str(rows)][step.__name__] = figures
                print(f"{rows:>12,}  {step.__name__:<14}", *(f"{key} {value}" for key, value in figures.items()),
                      sep="  ", flush=True)  # fmt: skip
                if step is merge:
                    shutil.rmtree(Path(name) / "small")
    with tempfile.TemporaryDirectory(prefix="prep-plan-") as name:
        found["files"] = {str(arguments.files): alone(walk.__name__, arguments.files, Path(name), arguments.memory_gb)}
        print(f"{arguments.files:>12,}  files         ", found["files"][str(arguments.files)])
    print(json.dumps({"benchmark": "plan", **found}))


if __name__ == "__main__":
    main()
