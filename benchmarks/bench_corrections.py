"""Thresholds from corrections: a person of another taste corrects 60 of 200 pictures. Of the corrections that the other
140 would need, how many do the proposals save, and how many tags that were right do they make wrong?

    python benchmarks/bench_corrections.py [--seeds 20] [--pictures 200] [--corrected 60] [--tags 150]

Scores and person are made up (tests/support/taste.py), once with a taste that is the same at all levels and once with
one of its own at each. prep.tagging.corrections.LEAST was chosen from these tables. The last line is JSON.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.tagging.corrections import LEAST, proposals
from tests.support.taste import Effect, MadeUp, effect, made_up

TRIED = (3, 4, 5, 8)
SHOWN = 4  # seeds that have a line of their own


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--corrected", type=int, default=60)
    parser.add_argument("--tags", type=int, default=150)
    asked = parser.parse_args()
    result = {"benchmark": "corrections", "least": LEAST, "seeds": asked.seeds}
    begin = time.perf_counter()
    for name, by_level in (("one_taste", False), ("taste_by_level", True)):
        worlds = [made_up(seed, asked.pictures, asked.tags, by_level) for seed in range(asked.seeds)]
        print(f"{name}: {asked.corrected} of {asked.pictures} pictures corrected, {asked.tags} tags")
        ideal = [effect(world, world.ideal, asked.corrected) for world in worlds]
        print(f"  the person's own thresholds, mean of {asked.seeds}: {_line(ideal)}")
        for least in TRIED:
            found = [_effect(world, asked.corrected, least) for world in worlds]
            for seed, each in enumerate(found[:SHOWN]):
                print(f"  least {least}, seed {seed}: {_line([each])}")
            print(f"  least {least}, mean of {asked.seeds}: {_line(found)}")
            if least == LEAST:
                needed, saved, false = _means(found)
                result[name] = {"saved_share": round(saved / needed, 3), "false_share": round(false / needed, 3)}
    print(json.dumps({**result, "seconds": round(time.perf_counter() - begin, 1)}))


def _effect(world: MadeUp, corrected: int, least: int) -> Effect:
    found = proposals(world.corrected(corrected), world.now, least)
    return effect(world, world.then(found), corrected)


def _means(found: list[Effect]) -> tuple[float, float, float]:
    return tuple(sum(getattr(each, key) for each in found) / len(found) for key in ("needed", "saved", "false"))


def _line(found: list[Effect]) -> str:
    needed, saved, false = _means(found)
    untouched = sum(each.untouched for each in found) / len(found)
    return (
        f"{needed:.1f} needed, {saved:.1f} saved ({saved / needed:.1%}), {untouched:.1f} untouched, {false:.1f} false"
    )


if __name__ == "__main__":
    main()
