"""The profile of a variant, its table in the settings, and its trigger word."""

from collections import Counter

import numpy as np
import pytest

from prep.captions.characters import check_triggers, for_folders
from prep.captions.compose import Composer
from prep.captions.profile import profile_of
from prep.captions.tally import Tally
from prep.captions.triggers import trigger_lines
from prep.captions.variants import own_core, variant_profile
from prep.config import load_settings
from prep.errors import SettingsError
from prep.sections import Captions, CharacterSettings, ProfileSettings, Thresholds, VariantSettings
from prep.tagging.filters import parse_patterns
from prep.tagging.thresholds import Selector
from prep.types import Profile, TagScores, Vocabulary

INTRINSIC = parse_patterns("*_hair")
WHOLE = Tally(Counter({"1girl": 10, "long_hair": 10, "apron": 3, "hat": 1}))
MAID = Tally(Counter({"1girl": 3, "long_hair": 3, "apron": 3, "short_hair": 3}))
NOTHING = CharacterSettings()
FOLDERS, VARIANTS = ["mira", "noa"], {"mira": ["maid", "School Uniform"], "noa": ["maid"]}


def variant(of: dict | None = None, **own) -> tuple[Profile, Profile]:
    """(the character's profile, the variant's). of: what is set for the character; own: for the variant."""
    fixed = INTRINSIC, ProfileSettings()
    whole = profile_of("Mira", "mira", WHOLE, 10, *fixed, CharacterSettings(**(of or {})))
    return whole, variant_profile(whole, "maid", MAID, 3, *fixed, VariantSettings(**own))


def test_a_variant_is_counted_from_its_own_pictures_and_shapes_captions_like_its_character():
    whole, maid = variant({"add": ["hat"], "remove": ["sky"]})
    assert (maid.images, maid.tags["apron"].images) == (3, 3) and own_core(maid, whole, 0.5) == ["apron", "short_hair"]
    assert maid.traits == whole.traits == {"long_hair"}  # and not short_hair, which the character's captions keep
    assert maid.shaping == whole.shaping


def test_what_half_of_the_pictures_wear_is_the_variants_own_where_the_other_half_does_not():
    whole = profile_of(
        "Mira", "mira", Tally(Counter({"1girl": 8, "dress": 4})), 8, INTRINSIC, ProfileSettings(), NOTHING
    )
    tally = Tally(Counter({"1girl": 4, "dress": 4}))
    green = variant_profile(whole, "green", tally, 4, INTRINSIC, ProfileSettings(), VariantSettings())
    assert set(whole.core) == {"1girl", "dress"} and own_core(green, whole, 0.5) == ["dress"]
    everything = variant_profile(whole, "all", tally, 4, INTRINSIC, ProfileSettings(), VariantSettings())
    alone = profile_of("Mira", "mira", tally, 4, INTRINSIC, ProfileSettings(), NOTHING)
    assert own_core(everything, alone, 0.5) == ["1girl", "dress"]  # there are no other pictures


def test_what_is_set_for_a_variant_is_above_what_is_set_for_its_character():
    _, maid = variant(
        {"add": ["hat", "bow"], "remove": ["sky", "sea"], "keep": ["apron"]},
        trigger="outfit", traits=["apron"], keep=["long hair"], add=["sky"], remove=["hat"],
    )  # fmt: skip
    assert maid.triggers == ("mira", "outfit") and maid.traits == {"apron"}
    assert maid.always == ("bow", "sky") and maid.never == {"sea", "hat"}


def test_a_tag_that_is_the_variants_trigger_stands_once_and_stays_a_tag_for_prompts():
    vocabulary = Vocabulary("v", ("maid", "apron", "hat"), ("general",) * 3)
    scores = TagScores(vocabulary, np.arange(3, dtype=np.int32), np.array([0.9, 0.8, 0.7], np.float16))
    composer = Composer(Selector(vocabulary, Thresholds(), {}), parse_patterns(""), Captions(max_tags=3))
    caption = composer.caption(scores, "medium", variant(trigger="Maid")[1])
    assert caption.items == ("mira", "Maid", "apron")
    assert [tag.name for tag in caption.tags] == ["maid", "apron"] and [gone.name for gone in caption.removed] == [
        "hat"
    ]


def named(*sections: str) -> list[str]:
    sets = tuple(f"characters.{section}.trigger=x{number}" for number, section in enumerate(sections))
    settings = for_folders(load_settings(sets=sets), FOLDERS, variants=VARIANTS)
    return [f"{name}/{each}" for name, own in settings.characters.items() for each in own.variants]


@pytest.mark.parametrize(
    ("section", "folder"),
    [
        ("mira.variants.maid", "mira/maid"),
        ("MIRA.variants.MAID", "mira/maid"),
        ("mira.variants.5_maid", "mira/maid"),
        ("mira.variants.school_uniform", "mira/School Uniform"),
        ('mira.variants."school uniform"', "mira/School Uniform"),
    ],
)
def test_a_variants_table_is_named_as_its_folder_or_as_the_folders_slug(section, folder):
    assert named(section) == [folder]


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            ["noa.variants.mad"],
            r"\[characters.noa.variants.mad\]: noa has no sub-folder .* Did you mean .*noa.variants",
        ),
        (
            ["mira.variants.shool_uniform"],
            r'mean \[characters.mira.variants."School Uniform"\] or .*s.school_uniform\]',
        ),
        (["mira.variants.zzz"], r"Use one of \[characters.mira.variants.maid\], \[characters.mira.variants.\"School"),
        (["mira.variants.maid", "mira.variants.Maid"], r"variants.maid\] and .*variants.Maid\] are both for maid"),
    ],
)
def test_a_table_for_no_variant_or_for_one_that_has_a_table_is_a_sentence(sections, says):
    with pytest.raises(SettingsError, match=says):
        named(*sections)


def checked(*sets: str) -> None:
    settings = load_settings(sets=tuple(f"characters.{each}" for each in sets))
    check_triggers(for_folders(settings, FOLDERS, variants=VARIANTS), FOLDERS)


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        (["mira.variants.maid.trigger=Mira"], r"variants.maid\] trigger: \"Mira\" is the trigger word of mira"),
        (["mira.variants.maid.trigger=noa"], r"is the trigger word of noa\. A variant's stands beside its character's"),
        (["mira.trigger=elf", "noa.variants.maid.trigger=ELF"], r"\"ELF\" is the trigger word of mira"),
        (
            ["mira.variants.maid.trigger=a_b", "noa.variants.maid.trigger=A b"],
            r"A b reads like a_b in \[characters.mira",
        ),
    ],
)
def test_a_variants_trigger_that_reads_like_another_is_refused_with_both_tables(sets, says):
    with pytest.raises(SettingsError, match=says):
        checked(*sets)


def test_one_outfit_of_two_characters_may_have_one_trigger_and_a_run_says_so():
    checked("mira.variants.maid.trigger=outfit", "noa.variants.maid.trigger=outfit")
    both = (Profile(name, name, 3, {}, variant="maid", variant_trigger="outfit") for name in ("mira", "noa"))
    assert list(trigger_lines([Profile("mira", "mira", 3, {}), *both], ())) == [
        "mira/maid and noa/maid have the same trigger word `outfit`: it learns all of them as one"
    ]


def test_a_variants_trigger_that_is_a_tag_or_hard_to_read_is_said_with_its_table():
    maid = Profile("mira", "mira", 3, {}, variant="maid", variant_trigger="maid")
    (line,) = trigger_lines([maid], ("maid",))
    assert "`maid` is also a tag" in line and '[characters.mira.variants.maid] trigger = "a_word_of_its_own"' in line
    (line,) = trigger_lines([Profile("mira", "mira", 3, {}, variant="x y", variant_trigger="メイド")], ())
    assert "CLIP reads the trigger word `メイド` poorly" in line and '[characters.mira.variants."x y"] trigger' in line
