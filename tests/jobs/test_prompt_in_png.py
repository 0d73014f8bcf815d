"""What a drawn picture says about itself: all that the encoders read, as image tools expect it."""

import io

import numpy as np
from PIL import Image

from prep.jobs.draw import png_of
from prep.service.a1111.infotext import parsed
from tests.support.requests import request


def told(**more) -> dict[str, str]:
    data = png_of(request(**more), np.zeros((64, 64, 3), np.uint8))
    return parsed(Image.open(io.BytesIO(data)).text["parameters"])


def test_the_prompt_is_the_tags_and_the_sentence_that_t5_reads():
    said = "A girl is smiling, standing on a beach."
    assert told(sentence=said)["Prompt"] == f"1girl, smile\n{said}"
    assert told()["Prompt"] == "1girl, smile" and told(sentence=said)["Negative prompt"] == "blurry"


def test_the_key_is_not_changed_by_how_it_is_shown():
    assert request(sentence="A girl.").whole_prompt == "1girl, smile\nA girl."
    assert request(sentence="A girl.").key != request().key == request(sentence="").key
