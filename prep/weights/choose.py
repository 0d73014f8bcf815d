"""Which tagger reads: what was asked for; of itself DeepDanbooru if it is here or can be fetched, else the starter."""

from collections.abc import Callable
from pathlib import Path

from prep.errors import SettingsError, StoppedError
from prep.weights.fetch import answers, fetch, hub_offline, source_of
from prep.weights.known import Model, known
from prep.weights.locate import Weights, locate, weights_at

DEEPDANBOORU, STARTER = "deepdanbooru-v3", "starter-tagger"
ANSWER_SECONDS = 5


def choose_tagger(
    asked: str,
    offline: bool,
    fallback: str,
    say: Callable[[str], None],
    may_fetch: bool = True,
    reach: Callable[[str, float], bool] | None = None,
) -> Weights | None:
    """asked: `auto`, a known name, a checkpoint file, or TAGGER:FILE for one that is registered (prep.taggers).

    say: is told why in one sentence.

    may_fetch False only says what would happen; it gives None where something would be fetched.
    reach: (address, seconds) -> does it answer; for who has asked already.
    Raises UsageError for what does not exist or does not read, StoppedError when there is no tagger to be had.
    """
    tagger, colon, file = asked.partition(":")
    if colon:
        return weights_at(Path(file).expanduser(), tagger)
    if "/" in asked or Path(asked).suffix in (".pt", ".safetensors"):
        return weights_at(Path(asked).expanduser())
    model = known(DEEPDANBOORU if asked == "auto" else asked)
    if model.family != "tagger":
        raise SettingsError(f"tagger.model: {model.name} draws, it does not read", hint=f"such as {DEEPDANBOORU}")
    here = locate(model.name)
    if here:
        say(f"{model.name} is here ({here.source})" + (f"; {here.note}" if here.note else ""))
        return here
    why = _why_not(model, offline, reach or answers)
    if not why:
        say(f"{model.name} is not here and is fetched: {model.size}, licence: {model.licence}")
        return fetch(model.name) if may_fetch else None
    starter = locate(STARTER) if asked == "auto" and fallback == "starter" else None
    if starter:
        say(f"{model.name} is not here and {why}: the starter tagger reads, which knows some eighty tags only")
        return starter
    hint = "install prep again" if model.packaged else f"`prep models get {model.name}` where there is a network"
    raise StoppedError(f"{model.name} is not here and {why}", hint=hint)


def _why_not(model: Model, offline: bool, reach: Callable[[str, float], bool]) -> str:
    """Why these weights cannot be fetched, or empty."""
    if model.packaged:
        return "should have come with prep"
    if offline or hub_offline():
        return "nothing may be fetched"
    return "" if reach(source_of(model), ANSWER_SECONDS) else "the release page does not answer"
