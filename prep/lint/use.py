"""How sd-scripts will read a folder's captions and images: from a subset's settings, or from a folder's name."""

from dataclasses import dataclass
from pathlib import Path

from prep.lint.base import Base
from prep.lint.datasets import REORDERING, Subset


@dataclass(frozen=True)
class Use:
    extension: str  # of captions
    class_tokens: str  # for an image without a caption
    trigger: str = ""  # the class tokens in a dataset.toml: what its captions are about
    wildcard: bool = False
    separator: str = ""  # keep_tokens_separator, empty if not set
    separator_cut: bool = False  # a setting is on that removes it from the caption
    alpha_mask: bool = False
    base: Base | None = None  # the model that the captions are for; None: unknown
    toml: Path | None = None  # the file that --fix may add a caption_extension to: it has none yet


def use_of_name(name: str) -> Use:
    """Folder mode. Its flags are on a command line that is unknown here; people usually pass .txt there."""
    return Use(".txt", name.partition("_")[2])


def use_of_subset(subset: Subset, toml: Path) -> Use:
    settings = subset.settings
    extension = settings.get("caption_extension", ".caption")
    return Use(
        extension=f".{extension.removeprefix('.')}" if extension else "",  # sd-scripts adds the dot
        class_tokens=settings.get("class_tokens", ""),
        trigger=settings.get("class_tokens", ""),
        wildcard=settings.get("enable_wildcard", False),
        separator=settings.get("keep_tokens_separator", ""),
        separator_cut=any(settings.get(key, 0) > 0 for key in REORDERING),
        alpha_mask=settings.get("alpha_mask", False),
        toml=None if "caption_extension" in settings else toml,
    )
