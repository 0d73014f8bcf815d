"""How many sentences a second the grammar writes, and how many the guard reads, one process, captions of 20 to 40 tags.

    python benchmarks/bench_sentences.py [--captions 2000]

The last line is JSON.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.captioners.grammar import by_grammar
from prep.captions.faithful import unfaithful
from prep.types import ToDescribe
from tests.support.truths import scene


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--captions", type=int, default=2000)
    asked = parser.parse_args()
    dice = random.Random(1)
    whats = [ToDescribe(tuple(dict.fromkeys(scene(dice).tags + scene(dice).tags[1:]))) for _ in range(asked.captions)]
    mean = sum(len(what.tags) for what in whats) / len(whats)
    texts = [by_grammar(what).text for what in whats]
    rates = {
        "grammar": _rate(lambda: [by_grammar(what) for what in whats], len(whats)),
        "guard": _rate(lambda: [unfaithful(*each) for each in zip(texts, whats, strict=True)], len(whats)),
    }
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} sentences a second, {mean:.0f} tags per caption")
    print(json.dumps({"benchmark": "sentences", "tags": round(mean, 1)} | {k: round(v) for k, v in rates.items()}))


def _rate(work: Callable[[], object], number: int) -> float:
    begin = time.perf_counter()
    work()
    return number / (time.perf_counter() - begin)


if __name__ == "__main__":
    main()
