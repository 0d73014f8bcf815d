"""Threads of a network that sleep while they wait, against threads that spin: the starter tagger alone on this machine,
and beside processes that are busy with something else.

    python benchmarks/bench_threads.py [--seconds 5] [--busy 3]

`ratio_alone` and `ratio_beside` are the rates of threads that sleep, as prep runs them, over those of threads that spin
as torch lets them, in one run. The last line is JSON.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.process.threads import SPINS

UNSET = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
POLICIES = {"sleep": {"GOMP_SPINCOUNT": str(SPINS)}, "spin": {}}
ROOT = Path(__file__).parent.parent
READ = """
import sys, time
from pathlib import Path
import numpy as np
from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
tagger = DeepDanbooru("starter", {"model": Path("prep/starter/tagger.safetensors")}, TaggerOptions(device="cpu"))
batch = np.random.default_rng(0).random((tagger.batch_size, tagger.side_px, tagger.side_px, 3), np.float32)
tagger.scores(batch)
began, read = time.perf_counter(), 0
while time.perf_counter() - began < float(sys.argv[1]):
    read += len(tagger.scores(batch))
print(read / (time.perf_counter() - began))
"""


def read(policy: dict[str, str], seconds: float) -> float:
    """-> images a second."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET} | policy
    command = [sys.executable, "-c", READ, str(seconds)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def spin() -> None:
    while True:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each of the eight measurements")
    parser.add_argument("--busy", type=int, default=3, help="processes beside it")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    for where, count in (("alone", 0), ("beside", arguments.busy)):
        others = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
        for process in others:
            process.start()
        for way in ("sleep", "spin", "spin", "sleep"):
            name = f"{way}_{where}"
            figures[name] = max(figures.get(name, 0), read(POLICIES[way], arguments.seconds))
        for process in others:
            process.terminate()
        print(f"{where}: {figures[f'sleep_{where}']:.1f} images/s where threads sleep, "
              f"{figures[f'spin_{where}']:.1f} where they spin", flush=True)  # fmt: skip
    ratios = {f"ratio_{where}": round(figures[f"sleep_{where}"] / figures[f"spin_{where}"], 2)
              for where in ("alone", "beside")}  # fmt: skip
    print(json.dumps({"benchmark": "threads", "unit": "images/s", **{k: round(v, 2) for k, v in figures.items()},
                      **ratios}))  # fmt: skip


if __name__ == "__main__":
    main()
