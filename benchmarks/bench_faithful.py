"""Whether a language model's false sentences reach a caption: a server on loopback says them, and true ones.

    python benchmarks/bench_faithful.py [--false 400] [--true 500] [--seed 1]

Half of the falsehoods are true sentences of tests/support/truths.py, spoiled; half are spoiled sentences of the
grammar. tests/captions/paraphrases.txt has true ones by hand. None of these word lists is the guard's. The last line is
JSON; the exit code is 1 if a falsehood got through, or less than 80 % of what is true did.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.captioners.llm import Llm, LlmOptions
from prep.captions.described import described
from prep.captions.faithful import said_tags
from prep.types import Sentence, ToDescribe
from tests.support.speaking import Said, speaking
from tests.support.truths import KINDS, Claim, by_hand, false_by_hand, falsehoods, tell, truths

LEAST_TRUE = 0.8
SHOWN = 5  # falsehoods that got through
# What else goes wrong with language models, as done to a true sentence.
TROUBLES = {
    "refuses": lambda text: "I'm sorry, but I can't describe that picture.",
    "thinks aloud without an end": lambda text: f"<think>{text}",
    "is cut off": lambda text: Said(text[: len(text) // 2], "length"),
    "is cut off, and does not say so": lambda text: f"{text[: len(text) // 2].rpartition(' ')[0]} and a",
    "repeats itself": lambda text: f"{text} {text}",
    "repeats one letter": lambda text: "!" * 80,
    "speaks German": lambda text: "Ein Mädchen mit langen Haaren steht in einem Zimmer und lächelt.",
    "speaks Japanese": lambda text: "長い髪の少女が教室に立って微笑んでいる。",
    "talks about the image": lambda text: f"The image depicts {text[0].lower()}{text[1:]}",
    "forgets most tags": lambda text: f"{text.split()[0]} {'girl' if 'girl' in text.lower() else 'boy'} is shown.",
    "writes a list": lambda text: "\n".join(f"- **{part.strip()}**" for part in text.split(",")),
    "fails": lambda text: Said(status=500, error="CUDA error"),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--false", type=int, default=400, help="of each kind")
    parser.add_argument("--true", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    dice = random.Random(asked.seed)
    begin = time.perf_counter()
    print(f"{'what is said':34} {'made':>6} {'reached a caption':>18}")
    through: dict[str, int] = {}
    for kind in KINDS:
        half = asked.false // 2
        claims = [*islice(falsehoods(kind, dice, tell), half)]
        claims += islice(falsehoods(kind, dice, lambda found, _: described(found.tags)), asked.false - half)
        reached = [claim.text for claim, found in _said(claims) if found.by == "llm"]
        through[kind] = len(reached)
        print(f"{kind:34} {len(claims):6,} {len(reached):18,}", *reached[:SHOWN], sep="\n  ! " if reached else "")
    typed = [*false_by_hand()]
    reached = [claim.text for claim, found in _said(typed) if found.by == "llm"]
    through["by hand"] = len(reached)
    print(
        f"{'false, by hand':34} {len(typed):6,} {len(reached):18,}", *reached[:SHOWN], sep="\n  ! " if reached else ""
    )
    made = asked.false * len(KINDS) + len(typed)
    for trouble, done in TROUBLES.items():
        claims = [*islice(truths(dice), 20)]
        reached = [claim.text for claim, found in _said(claims, done) if found.by == "llm"]
        through[trouble] = len(reached)
        print(f"{trouble:34} {len(claims):6,} {len(reached):18,}")
    typed = [*by_hand()]
    passed, survived = {}, Counter()
    for name, claims in (("true, by hand", typed), ("true, made", [*islice(truths(dice), asked.true - len(typed))])):
        answers = _said(claims)
        kept = [(claim, found) for claim, found in answers if found.by == "llm"]
        passed[name] = len(kept) / len(claims)
        for claim, found in kept:
            survived["said"] += len(said_tags(found.text, ToDescribe(claim.tags)))
            survived["given"] += len(claim.tags)
        print(f"{name:34} {len(claims):6,} {len(kept):10,} ({passed[name]:.1%})")
    share = sum(
        passed[name] * number for name, number in zip(passed, (len(typed), asked.true - len(typed)), strict=True)
    )
    tags = survived["said"] / survived["given"]
    print(f"tags that true sentences keep: {tags:.1%}; the grammar's sentence keeps all of them")
    result = {
        "benchmark": "faithful", "falsehoods": made, "reached": sum(through.values()),
        "true": asked.true, "true_kept": round(share / asked.true, 3), "tags_kept": round(tags, 3),
        "seconds": round(time.perf_counter() - begin, 1),
    }  # fmt: skip
    print(json.dumps(result))
    sys.exit(bool(result["reached"] or result["true_kept"] < LEAST_TRUE))


def _said(claims: list[Claim], done=lambda text: text) -> list[tuple[Claim, Sentence]]:
    """What becomes of each claim when a server says it, each time that it is asked."""
    found, left = [], claims
    while left:
        wave = {claim.tags: claim for claim in left}  # the server knows a claim by its tags
        found += _said_once([*wave.values()], done)
        left = [claim for claim in left if wave[claim.tags] is not claim]
    return found


def _said_once(claims: list[Claim], done) -> Iterable[tuple[Claim, Sentence]]:
    answers = {", ".join(tag.replace("_", " ") for tag in claim.tags): done(claim.text) for claim in claims}
    with speaking(lambda user: answers[user.splitlines()[0].removeprefix("Tags: ")]) as speaker:
        captioner = Llm("llm", {"url": speaker.url}, LlmOptions(parallel=2))
        found = []
        for at in range(0, len(claims), 8):  # fewer than a server may fail in a row
            found += captioner.write([ToDescribe(claim.tags, claim.dropped) for claim in claims[at : at + 8]])
            captioner.in_a_row = 0
        captioner.close()
    sentences = [each if isinstance(each, Sentence) else Sentence("", "grammar", each.message) for each in found]
    return list(zip(claims, sentences, strict=True))


if __name__ == "__main__":
    main()
