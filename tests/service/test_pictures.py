"""Pictures in requests: what is taken, and what a client is told of what is not."""

import base64

import pytest

from prep.images import encode_png
from prep.service.pictures import check_picture, from_base64
from prep.web.refused import Refused
from tests.support.pictures import drawing

PNG = b"\x89PNG\r\n\x1a\nabc?>"
TEXT = base64.b64encode(PNG).decode()


def refused(text: str, most: int = 1000) -> Refused:
    with pytest.raises(Refused) as caught:
        from_base64(text, most)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [TEXT, TEXT.rstrip("="), f"data:image/png;base64,{TEXT}", f"data:;base64,{TEXT}", TEXT[:8] + "\r\n" + TEXT[8:]],
)
def test_base64_and_data_uris_are_taken(text):
    assert from_base64(text, 1000) == PNG


@pytest.mark.parametrize("text", ["http://evil.example/a.png", "https://x/y", "file:///etc/passwd", "FTP://x"])
def test_no_address_is_fetched(text):
    assert refused(text).status == 422 and "prep fetches none" in refused(text).message


@pytest.mark.parametrize("text", ["not base64!", "/etc/passwd?", "data:image/png,abc", "\x00", "ä", "a"])
def test_what_is_not_base64_is_told_so(text):
    assert refused(text).status == 422 and "base64" in str(refused(text))


def test_an_empty_and_a_large_one_are_refused():
    assert refused("").status == 422 and refused(TEXT, 4).status == 413 and refused("A" * 10_000).status == 413


def test_a_bomb_of_pixels_is_refused_by_its_header():
    data = encode_png(drawing(1, 64, 48))
    assert check_picture(data, 64 * 48) == (64, 48)
    with pytest.raises(Refused, match="64 x 48 pixels; at most 100"):
        check_picture(data, 100)
