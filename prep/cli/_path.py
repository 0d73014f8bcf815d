"""A path as a command argument: `~` is the home folder, even in quotes."""

from pathlib import Path
from typing import Any

import click

from prep.typed import typed_path


class TypedPath(click.ParamType):
    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Raises UsageError like typed_path."""
        return typed_path(str(value))


PATH = TypedPath()
