"""`--set` and `--config` apply to one run: which settings the next run will lack, and which only the last one had."""

from collections.abc import Iterator
from pathlib import Path

from prep.config import as_toml, load_settings
from prep.errors import UsageError
from prep.names import slugs
from prep.pipeline.outlook import changed_settings
from prep.pipeline.status import opened
from prep.sections import Settings

SHOWN = 4  # settings


def only_this_run(
    src: Path, out: Path, config: Path | None, sets: tuple[str, ...], settings: Settings
) -> Iterator[str]:
    """Lines about settings that apply to this run only, and how to keep them in SRC/prep.toml; none if it has them.

    settings: those of this run.
    """
    if not (sets or config) or load_settings(src, out=out) == settings:
        return
    options = [f"--config {config}"] if config else []
    if not sets or load_settings(src, config, out=out) == settings:
        yield f"this run only: {options[0]}. Give it again next time, or put its lines into {src / 'prep.toml'}"
        return
    options += [f"--set {text}" for text in sets]
    text = as_toml(sets, src)
    if text is None:
        yield f"this run only: {' '.join(options)}. To keep it, write a settings file and name it with --config"
        return
    what = "the --set values" if config else "it"
    yield f"this run only: {' '.join(options)}. To keep {what}, add to {src / 'prep.toml'}:"
    yield from (f"    {line}" for line in text.splitlines())


def other_than_before(src: Path, out: Path, settings: Settings) -> str:
    """A line about settings that only the last run had, since nothing sets them any longer; or empty."""
    try:
        before = opened(out)[1]
    except UsageError:  # no run yet, or unreadable
        return ""
    plain = load_settings(src, out=out)
    named = {line.partition(":")[0] for line in changed_settings(_by_slug(plain), _by_slug(settings))}
    changed = [
        line
        for line in changed_settings(_by_slug(before), _by_slug(settings))
        if line.partition(":")[0] not in named  # by this run's own --set or --config
    ]
    if not changed:
        return ""
    more = f"; and {len(changed) - SHOWN:,} more" if len(changed) > SHOWN else ""
    shown = "; ".join(changed[:SHOWN])
    why = "prep.toml changed, or that run had --set or --config"
    return f"settings that differ from the last run's ({why}): {shown}{more}"


def _by_slug(settings: Settings) -> Settings:
    """With characters under a name that is the same for a folder's exact name and its slug."""
    tables = {slugs([name])[name].casefold(): table for name, table in settings.characters.items()}
    return settings.model_copy(update={"characters": tables})
