"""The present of English verbs."""

import pytest

from prep.captions._verbs import plain_form, third_person


@pytest.mark.parametrize(
    "forms",
    "smiling smile smiles, hugging hug hugs, staring stare stares, fishing fish fishes, bathing bathe bathes, "
    "crying cry cries, playing play plays, kissing kiss kisses, lying lie lies, opening open opens, covering cover "
    "covers, juggling juggle juggles, kneeling kneel kneels, raising raise raises, dancing dance dances".split(", "),
)
def test_each_verb_has_its_own_forms(forms):
    ing, plain, third = forms.split()
    assert (plain_form(ing), third_person(plain)) == (plain, third)
