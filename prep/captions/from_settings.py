"""The composer that the settings describe, with its lists read from their files."""

from prep.captions.compose import Composer
from prep.checks.retag import read_exclusive
from prep.sections import Settings
from prep.tagging.filters import read_patterns
from prep.tagging.readers import Readers, spelt_alike
from prep.tagging.thresholds import Selector, read_overrides
from prep.types import Vocabulary


def composer_of(settings: Settings, vocabulary: Vocabulary | None, second: Vocabulary | None = None) -> Composer:
    """vocabulary: of the scores; None if there are none yet. second: of the second reader's scores, if there are any.

    Raises SettingsError for a list that cannot be read.
    """
    overrides = read_overrides(settings.thresholds.overrides)
    selector = Selector(vocabulary or Vocabulary("", (), ()), settings.thresholds, overrides)
    readers = None
    if vocabulary and second:
        exclusive = read_exclusive(settings.check.exclusive)
        other = Selector(spelt_alike(second, vocabulary), settings.thresholds, overrides)
        groups = (*exclusive.character, *exclusive.picture)
        readers = Readers(selector, other, settings.captions.readers, exclusive.against, groups)
    return Composer(selector, read_patterns(settings.filter.file, "filter.file"), settings.captions, readers)
