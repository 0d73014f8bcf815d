"""The base model that a set's captions are for, as the caller of lint knows it. Opens no file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prep.captions.forms import Form


@dataclass(frozen=True)
class Base:
    """What its captions look like, and the options that its trainer is started with."""

    form: Form
    options: Mapping[str, Any] = field(default_factory=dict)  # of the file beside dataset.toml; empty: unknown

    @property
    def reads_sentences(self) -> bool:
        return "sentence" in self.form.parts
