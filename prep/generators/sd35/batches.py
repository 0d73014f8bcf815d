"""Which pictures may be drawn in one batch. No torch."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from prep.errors import SettingsError, UsageError
from prep.types import Picture


def prompt_of(picture: Picture) -> str:
    return _text(picture.prompt, picture.sentence)


def source_of(picture: Picture) -> str:
    """The prompt for what the parent of an edit shows."""
    return _text(picture.source, picture.source_sentence)


def texts_of(picture: Picture) -> list[str]:
    """All that is encoded for it. A second line is T5's: see prompts_cache.py."""
    edit = [source_of(picture)] if picture.manner == "edit" else []
    return [prompt_of(picture), *edit, *([picture.negative] if picture.guidance > 1 else [])]


def alike_key(picture: Picture, by_prompt: bool) -> tuple:
    size = picture.width, picture.height
    how = picture.steps, picture.guidance, picture.sampler, -1.0 if picture.strength is None else picture.strength
    edit = picture.manner, picture.source_guidance
    return (*size, *how, *edit, picture.weights, *(texts_of(picture) if by_prompt else ()))


def alike(pictures: Sequence[Picture], by_prompt: bool) -> Iterator[list[Picture]]:
    """Pictures that may share a batch, in their order."""

    def key(picture: Picture) -> tuple:
        return alike_key(picture, by_prompt)

    for _, alike in groupby(sorted(pictures, key=key), key=key):
        yield list(alike)


def _text(prompt: str, sentence: str) -> str:
    return f"{prompt}\n{sentence}" if sentence else prompt


def check_edit(picture: Picture) -> None:
    """Raises UsageError or SettingsError unless a picture can be drawn by an edit."""
    if picture.strength is None:
        raise UsageError(f"{picture.key} is an edit without a strength", hint="above 0, and at most 1")
    if not picture.source:
        raise UsageError(
            f"{picture.key} is an edit without a source prompt", hint="`source` says what its parent shows"
        )
    if picture.sampler != "euler":
        raise UsageError(f"{picture.key} is an edit with the sampler {picture.sampler}", hint="edits need euler")
    if picture.source_guidance < 1:
        raise UsageError(
            f"{picture.key} is an edit whose source_guidance is {picture.source_guidance}", hint="1 or more"
        )
    if picture.guidance <= 1:
        raise SettingsError(
            f"generator.guidance: {picture.guidance} is too little for an edit, which needs more than 1",
            hint="use a model with guidance, such as sd35-large-fp8, or draw by img2img",
        )


def in_parts(pictures: list[Picture], most: int) -> list[list[Picture]]:
    """The last one first, as on a stack."""
    return [pictures[start : start + most] for start in range(0, len(pictures), most)][::-1]
