"""What every format keeps to: the same small set, laid down and read back as its trainer reads it."""

import io
from collections import Counter

import pytest
from PIL import Image

from prep.formats import FORMATS
from tests.support.finished import captions, export, small_set, stamps
from tests.support.trainers import READERS


@pytest.fixture(params=list(FORMATS.members))
def name(request):
    return request.param


def test_every_format_has_a_reader_of_its_trainer():
    assert READERS.keys() == FORMATS.members.keys()


def test_every_picture_is_read_back_with_its_caption(tmp_path, name):
    out = small_set(tmp_path / "set")
    folder, _, told = export(out, name)
    read = READERS[name](folder)
    assert Counter(text.strip() for text, _ in read) == Counter(captions(out).values())
    assert {Image.open(io.BytesIO(data)).size for _, data in read} == {(32, 48)}
    assert told and all(isinstance(line, str) and "\n" not in line for line in told)


def test_laid_down_again_nothing_is_written(tmp_path, name):
    out = small_set(tmp_path / "set")
    folder, first, _ = export(out, name)
    before = stamps(folder)
    again = export(out, name)[1]
    assert (again.images, again.written, again.removed) == (first.images, 0, 0) and stamps(folder) == before
