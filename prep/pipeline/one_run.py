"""What `--set` and `--config` say is for one run: what the next run will not have, and what the last one had."""

from collections.abc import Iterator
from pathlib import Path

from prep.config import Settings, as_toml, load_settings
from prep.errors import UsageError
from prep.names import slugs
from prep.pipeline.outlook import changed_settings
from prep.pipeline.status import opened

SHOWN = 4  # settings


def only_this_run(src: Path, config: Path | None, sets: tuple[str, ...], settings: Settings) -> Iterator[str]:
    """Lines on what a run without them would not have, and how SRC/prep.toml keeps it; none where that has it already.

    settings: of this run.
    """
    if not (sets or config) or load_settings(src) == settings:
        return
    told = [f"--config {config}"] if config else []
    if not sets or load_settings(src, config) == settings:
        yield f"this run only: {told[0]}. The next run wants it again, or its lines in {src / 'prep.toml'}"
        return
    told += [f"--set {text}" for text in sets]
    text = as_toml(sets, src)
    if text is None:
        yield f"this run only: {' '.join(told)}. To keep it, write a file of settings and name it with --config"
        return
    yield f"this run only: {' '.join(told)}. To keep {'what is set' if config else 'it'}, in {src / 'prep.toml'}:"
    yield from (f"    {line}" for line in text.splitlines())


def other_than_before(src: Path, out: Path, settings: Settings) -> str:
    """A line on settings that the last run had and this one has not, since nothing names them any more; or empty."""
    try:
        before = opened(out)[1]
    except UsageError:  # no run, or nothing that can be read
        return ""
    plain = load_settings(src)
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
    return f"other settings than in the last run, as --set and --config are for one run: {shown}{more}"


def _by_slug(settings: Settings) -> Settings:
    """With characters under what two names of one folder have in common."""
    tables = {slugs([name])[name].casefold(): table for name, table in settings.characters.items()}
    return settings.model_copy(update={"characters": tables})
