"""The composer that the settings describe, with its lists read from their files."""

from prep.captions.compose import Composer
from prep.sections import Settings
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import Selector, read_overrides
from prep.types import Vocabulary


def composer_of(settings: Settings, vocabulary: Vocabulary | None) -> Composer:
    """vocabulary: of the scores; None if there are none yet. Raises SettingsError for a list that cannot be read."""
    selector = Selector(
        vocabulary or Vocabulary("", (), ()), settings.thresholds, read_overrides(settings.thresholds.overrides)
    )
    return Composer(selector, read_patterns(settings.filter.file, "filter.file"), settings.captions)
