"""Which tagger reads: what was asked for; of itself DeepDanbooru if it is here or can be fetched, else the starter.
And which generator draws: of itself SD3.5 where it is here and there is a GPU, else none.
"""

from collections.abc import Callable
from pathlib import Path

from prep.errors import SettingsError, StoppedError
from prep.models.fetch import answers, fetch, source_of
from prep.models.hub import hub_offline
from prep.models.known import Model, known
from prep.models.locate import Weights, folder_at, locate, weights_at

DEEPDANBOORU, STARTER, STARTER_GENERATOR = "deepdanbooru-v3", "starter-tagger", "starter-generator"
DRAWING = ("sd35-large-fp8", "sd35-large-turbo-fp8", "sd35-medium")  # in the order in which they are taken
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
    hint = (
        "install prep again: `pip install -e .` in a fresh clone"
        if model.packaged
        else f"`prep models get {model.name}` where there is a network"
    )
    raise StoppedError(f"{model.name} is not here and {why}", hint=hint)


def _why_not(model: Model, offline: bool, reach: Callable[[str, float], bool]) -> str:
    """Why these weights cannot be fetched, or empty."""
    if model.packaged:
        return "should have come with prep"
    if offline or hub_offline():
        return "nothing may be fetched"
    return "" if reach(source_of(model), ANSWER_SECONDS) else "the release page does not answer"


def choose_generator(
    asked: str, gpu: bool, say: Callable[[str], None], may_fetch: bool = True, offline: bool = False
) -> Weights | None:
    """asked: `auto`, `none`, a known name, a safetensors file or a diffusers folder. None: nothing is to be drawn.

    `auto` draws only with what is here, and only on a GPU: 15 GB are fetched, and minutes a picture spent, by who asks.
    say: is told why in one sentence. Raises UsageError, WeightsError, StoppedError.
    """
    if asked == "none":
        return None
    if asked == "auto":
        here = next((found for name in DRAWING if (found := locate(name))), None)
        if here is None:
            say(f"nothing is drawn: no SD3.5 is here. `prep models get {DRAWING[0]}` fetches it")
        elif not gpu:
            say(f"nothing is drawn: {here.name} is here, but no GPU; generator.model={here.name} draws on the CPU")
            return None
        return here
    if "/" in asked or asked.endswith(".safetensors"):
        return folder_at(Path(asked)) if Path(asked).is_dir() else weights_at(Path(asked).expanduser())
    model = known(STARTER_GENERATOR if asked == "starter" else asked)
    if model.family != "generator":
        raise SettingsError(f"generator.model: {model.name} reads, it does not draw", hint=f"such as {DRAWING[0]}")
    here = locate(model.name)
    if here or not (may_fetch or model.packaged):
        return here
    if why := _why_not(model, offline, lambda *_: True):  # whether the hub answers, fetching itself will tell
        hint = (
            "install prep again: `pip install -e .` in a fresh clone"
            if model.packaged
            else f"`prep models get {model.name}` where there is a network"
        )
        raise StoppedError(f"{model.name} is not here and {why}", hint=hint)
    say(f"{model.name} is not here and is fetched: {model.size}, licence: {model.licence}")
    return fetch(model.name)
