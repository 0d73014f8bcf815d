"""prep status: what is done, and what a run would do now."""

import contextlib
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import click


@click.command("status")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--problems", is_flag=True, help="Only what was skipped, and why.")
@click.option("--diff", is_flag=True, help="Only the captions that a person touched, beside the machine's.")
def command(out: Path, problems: bool, diff: bool) -> None:
    """What is done, kept and rejected in OUT; each character's profile; what a run would do now.

    \b
    Examples:
      prep status outputs/characters
      prep status outputs/characters --diff
    """
    gc.disable()  # a short process of many rows and no cycles: the collector would only walk them again and again
    with _without_pandas():
        from prep.status import diff_of, problems_of, status_of

        for line in (problems_of if problems else diff_of if diff else status_of)(out):
            click.echo(line)


class _NoPandas:
    """Arrow imports pandas, where it is installed, only to ask whether a value is of its kind: a third of a second."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


@contextlib.contextmanager
def _without_pandas() -> Iterator[None]:
    hidden = _NoPandas()
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)
