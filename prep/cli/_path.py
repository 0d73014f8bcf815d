"""A path as a command argument: `~` is the home folder, even in quotes."""

import re
from pathlib import Path
from typing import Any

import click

from prep.errors import UsageError
from prep.typed import typed_path

ADDRESS = re.compile(r"(?:s3|s3a|gs|gcs|hf|az|abfss?|wasbs?|r2|oss|cos|hdfs|https?|s?ftp)://", re.IGNORECASE)


class TypedPath(click.ParamType):
    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Raises UsageError like typed_path, and for the address of an object store."""
        if ADDRESS.match(str(value)):
            raise UsageError(
                f"{value} is an address, and prep needs folders on a file system",
                hint="mount it and name the folder; for `--runner ray` all nodes mount it at the same path",
            )
        return typed_path(str(value))


PATH = TypedPath()
