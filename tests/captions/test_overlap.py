import pytest

from prep.captions.overlap import overlapped


@pytest.mark.parametrize(
    ("names", "gone"),
    [
        (["shirt", "white_shirt"], {"shirt"}),
        (["shirt", "no_shirt"], set()),
        (["shirt", "shirt_lift"], set()),
        (["hair", "long_hair", "very_long_hair"], {"hair", "long_hair"}),
        (["irt", "shirt"], set()),
        (["ribbon", "hair_ribbon", "neck_ribbon"], {"ribbon"}),
        (["panties", "without_panties", "white_panties"], {"panties"}),
        (["hair", "hair"], set()),
        ([], set()),
    ],
)
def test_a_general_tag_gives_way_to_one_that_ends_in_its_words(names, gone):
    assert overlapped(names) == gone
