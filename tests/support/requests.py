"""A request to draw, as tests want it."""

from prep.types import GenerationRequest


def request(**other) -> GenerationRequest:
    values = {
        "kind": "augmentation",
        "character": "mira",
        "prompt": "1girl, smile",
        "negative": "blurry",
        "width": 64,
        "height": 64,
        "steps": 2,
        "guidance": 3.0,
        "sampler": "euler",
        "strength": 0.6,
        "parent": "ab" * 32,
        "index": 0,
        "asked": ("1girl", "smile"),
        "changes": ("smile",),
        "generator": "fake",
        "weights": "cd" * 32,
        "precision": "fp32",
    }
    return GenerationRequest(**(values | other))
