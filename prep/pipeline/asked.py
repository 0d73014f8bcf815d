"""Check everything that the settings name before a run touches anything: tag lists, models, formats, the path of
kohya/.
"""

from collections.abc import Sequence
from pathlib import Path

from prep.captions.characters import check_triggers
from prep.checks.retag import read_exclusive
from prep.dataset.elsewhere import check_elsewhere
from prep.drawing.situations import read_situations
from prep.drawing.vary import read_vary
from prep.errors import SettingsError, UsageError
from prep.formats import load_format
from prep.models.captioners import check_captioner
from prep.models.check import check_models
from prep.sections import Settings
from prep.system import may_link
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import read_overrides


def check_settings(
    settings: Settings, out: Path | None = None, src: Path | None = None, characters: Sequence[str] = ()
) -> None:
    """out: the folder of a set, which may exist. characters: folders of SRC that [characters] may name. Writes nothing,
    loads no weights, uses no network.

    Raises UsageError (SettingsError, WeightsError): what was named, and what is wrong with it.
    """
    check_triggers(settings, list(characters))
    read_patterns(settings.filter.file, "filter.file")
    read_patterns(settings.profile.intrinsic, "profile.intrinsic")
    read_overrides(settings.thresholds.overrides)
    read_vary(settings.augmentation.vary)
    read_situations(settings.consistency.situations)
    read_exclusive(settings.check.exclusive)
    for name in settings.export.formats:
        try:
            load_format(name)
        except UsageError as error:
            raise SettingsError(f"export.formats: {error.message}", error.hint) from None
    check_captioner(settings)
    check_models(settings, begun=out is not None and (out / ".prep" / "ledger").is_dir())
    if settings.export.link == "symlink" or settings.export.kohya:
        _check_links(settings)
    if out and settings.export.kohya:
        check_elsewhere(out, Path(settings.export.kohya), src)


def _check_links(settings: Settings) -> None:
    if not may_link():
        setting, other = ("export.kohya", "leave it empty")
        if settings.export.link == "symlink":
            setting, other = ("export.link = symlink", "set it to hardlink or copy")
        raise UsageError(
            f"{setting} needs symbolic links, which Windows does not let you make",
            hint=f"turn on Developer Mode in Windows' settings, or {other}",
        )
