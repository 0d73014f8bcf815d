"""A caption's sentences by the grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.captions.described import described
from prep.captions.overlap import overlapped
from tests.captions.test_sentence import TAGS, prompt_text, said


@pytest.mark.parametrize(
    ("tags", "length", "text"),
    [
        ("1girl smile red_dress classroom", "medium", "A girl is wearing a red dress and smiling, in a classroom."),
        (
            "1girl solo long_hair orange_hair green_dress hairband smile :d closed_mouth standing looking_at_viewer "
            "night classroom full_body simple_background",
            "medium",
            "A girl with long orange hair is wearing a green dress and a hairband. She is smiling broadly with a "
            "closed mouth, standing, and looking at the viewer. She is in a classroom, at night, against a simple "
            "background, shown from head to toe.",
        ),
        (
            "1boy black_coat gloves serious crossed_arms from_below night sword",
            "short",
            "A boy is wearing a black coat and gloves, looking serious, and keeping his arms crossed, at night, with a "
            "sword, seen from below.",
        ),
        (
            "2girls school_uniform hug smile park day tree",
            "long",
            "Two girls are wearing a school uniform. They are smiling and hugging. They are in a park, by day, with a "
            "tree.",
        ),
        (
            "no_humans tree road day sky",
            "medium",
            "A scene without people is under the sky, by day, with a tree and a road.",
        ),
        (
            "1girl neck_ribbon grin smile closed_eyes",
            "short",
            "A girl is wearing a neck ribbon, and smiling with a grin and closed eyes.",
        ),
        (
            "1girl white_shirt open_clothes standing",
            "medium",
            "A girl is wearing a white shirt, her clothes open, and standing.",
        ),
        ("1girl smile :d blush", "medium", "A girl is smiling broadly and blushing."),
        ("1girl zettai_ryouiki", "medium", "A girl is shown. Other details: zettai ryouiki."),
        ("1girl white_background", "medium", "A girl is shown against a white background."),
        ("1girl", "long", "A girl is shown."),
        ("", "long", ""),
    ],
)
def test_tags_are_said_in_plain_english(tags, length, text):
    assert described(tags.split(), length) == text


@given(st.lists(TAGS, max_size=12), st.sampled_from(["short", "medium", "long"]))
def test_no_tag_is_lost_at_any_length(tags, length):
    text = described(tags, length)
    names = list(dict.fromkeys(name for tag in tags if (name := prompt_text(tag).replace(" ", "_").lower())))
    assert bool(text) == bool(names) and "\n" not in text and text == described(tags, length)
    assert not names or text.endswith(".") and text[0].isupper()
    unsaid = [name for name in names if name not in overlapped(names) and not said(name, text)]
    assert unsaid == []
