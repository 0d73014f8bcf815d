"""Which tagger reads: what was asked for; of itself DeepDanbooru if it is here or can be fetched, else the starter."""

from collections.abc import Callable
from pathlib import Path

from prep.errors import StoppedError
from prep.weights.fetch import answers, fetch
from prep.weights.known import RELEASE, known
from prep.weights.locate import Weights, locate, weights_at

DEEPDANBOORU, STARTER = "deepdanbooru-v3", "starter-tagger"
ANSWER_SECONDS = 5


def choose_tagger(
    asked: str, offline: bool, fallback: str, say: Callable[[str], None], may_fetch: bool = True
) -> Weights | None:
    """asked: `auto`, a known name, or a checkpoint file. say: is told why in one sentence.

    may_fetch False only says what would happen; it gives None where something would be fetched.
    Raises UsageError for what does not exist, StoppedError when there is no tagger to be had.
    """
    if "/" in asked or Path(asked).suffix in (".pt", ".safetensors"):
        return weights_at(Path(asked))
    name = DEEPDANBOORU if asked == "auto" else known(asked).name
    here = locate(name)
    if here:
        say(f"{name} is here ({here.source})")
        return here
    model = known(name)
    if offline or not answers(model.url or RELEASE, ANSWER_SECONDS):
        why = "nothing may be fetched" if offline else "the release page does not answer"
        if asked == "auto" and fallback == "starter":
            say(f"DeepDanbooru is not here and {why}: the starter tagger reads, which knows some eighty tags only")
            return choose_tagger(STARTER, offline, fallback, lambda _: None, may_fetch)
        raise StoppedError(f"{name} is not here and {why}", hint=f"`prep models get {name}` where there is a network")
    say(f"{name} is not here and is fetched: {model.megabytes:,} MB")
    return fetch(name) if may_fetch else None
