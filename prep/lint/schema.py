"""What sd-scripts accepts in a dataset.toml, as one table: level -> key -> kind. Knows values, no files.

From its strict voluptuous schema, DreamBooth method: an unknown key stops it, and so does a wrong type.
"""

import difflib
from typing import Any

DATASET = {
    "batch_size": "integer",
    "resolution": "integer or [integer, integer]",
    "enable_bucket": "true or false",
    "min_bucket_reso": "integer",
    "max_bucket_reso": "integer",
    "bucket_reso_steps": "integer",
    "bucket_no_upscale": "true or false",
    "validation_seed": "integer",
    "validation_split": "float",
    "network_multiplier": "float",
    "resize_interpolation": "text",
}
EVERYWHERE = {
    "num_repeats": "integer",
    "keep_tokens": "integer",
    "shuffle_caption": "true or false",
    "caption_extension": "text",
    "class_tokens": "text",
    "keep_tokens_separator": "text",
    "secondary_separator": "text",
    "caption_separator": "text",
    "caption_prefix": "text",
    "caption_suffix": "text",
    "enable_wildcard": "true or false",
    "color_aug": "true or false",
    "flip_aug": "true or false",
    "random_crop": "true or false",
    "face_crop_aug_range": "[float, float]",
    "token_warmup_min": "integer",
    "token_warmup_step": "number",
    "caption_dropout_every_n_epochs": "integer",
    "caption_dropout_rate": "number",
    "caption_tag_dropout_rate": "number",
    "custom_attributes": "table",
    "cache_info": "true or false",
}
LEVELS = {
    "top": {"general": "table", "datasets": "list of tables"},
    "general": DATASET | EVERYWHERE,
    "datasets": DATASET | EVERYWHERE | {"subsets": "list of tables"},
    "subsets": EVERYWHERE | {"image_dir": "text", "is_reg": "true or false", "alpha_mask": "true or false"},
}
HEADERS = {
    "top": "the top level",
    "general": "[general]",
    "datasets": "[[datasets]]",
    "subsets": "[[datasets.subsets]]",
}
PAIRS = {"integer or [integer, integer]": "integer", "[float, float]": "float"}


def fits(kind: str, value: Any) -> bool:
    """As voluptuous judges: a bool is an int, an int is not a float."""
    if kind in PAIRS and isinstance(value, list):
        return len(value) == 2 and all(fits(PAIRS[kind], item) for item in value)
    if kind == "list of tables":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    types = {
        "integer": int,
        "integer or [integer, integer]": int,
        "float": float,
        "number": (int, float),
        "text": str,
        "true or false": bool,
        "table": dict,
    }
    return kind in types and isinstance(value, types[kind])


def converted(kind: str, value: Any) -> Any:
    """The value converted to the kind, if that means the same; None if it would be a guess."""
    if kind in PAIRS and isinstance(value, list):
        items = [item if fits(PAIRS[kind], item) else converted(PAIRS[kind], item) for item in value]
        guessed = None in items or any(isinstance(item, bool) for item in items)
        return items if len(items) == 2 and not guessed else None
    plain_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind.startswith("integer"):
        return _integer(value)
    if kind == "float" and plain_number:
        return float(value) if abs(value) < 2**53 else None
    if kind in ("float", "number") and isinstance(value, str):
        return _float(value)
    if kind == "true or false":
        return {"true": True, "false": False, "0": False, "1": True}.get(str(value).lower())
    if kind == "text" and plain_number:
        return str(value)
    return None


def unknown_key(level: str, key: str) -> str:
    """What to say about a key that is not allowed at this level: where it belongs, or the nearest name."""
    homes = [HEADERS[home] for home, keys in LEVELS.items() if key in keys]
    if homes:
        return f"is not allowed in {HEADERS[level]}; it belongs in {' or '.join(homes)}"
    close = difflib.get_close_matches(key, LEVELS[level], 1, cutoff=0.6)
    return f"is unknown; did you mean `{close[0]}`?" if close else f"is unknown in {HEADERS[level]}"


def _integer(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 16:
        return int(value)
    return None


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 2**53 else None
