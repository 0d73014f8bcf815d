import pytest

from prep.config import configs_folder
from prep.errors import SettingsError
from prep.tagging.filters import parse_patterns, read_patterns


def test_commas_lines_comments_spaces_and_underscores():
    patterns = parse_patterns("comic, artist name # why\n# all of it\nsuper_deformed")
    assert "artist_name" in patterns and "artist name" in patterns and "super deformed" in patterns
    assert "why" not in patterns and "all of it" not in patterns and "name" not in patterns


def test_a_star_is_a_wildcard_and_nothing_else_is():
    patterns = parse_patterns("rating:*, [o]_[o], ?_?")
    assert "rating:safe" in patterns and "[o]_[o]" in patterns and "?_?" in patterns
    assert "o_o" not in patterns and "a_b" not in patterns


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*_hair*", ["long_hair", "_hair", "a_hair_b"], ["hair", "hairband"]),
        ("a*b*a", ["aba", "axbxa"], ["ab", "aa", "abab"]),
        ("aa*aa", ["aaaa", "aaxaa"], ["aa", "aaa"]),
        ("*", ["anything", ""], []),
        ("**x**", ["x", "axb"], ["a"]),
    ],
)
def test_what_is_around_a_star_is_in_its_place(pattern, names, others):
    patterns = parse_patterns(pattern)
    assert all(name in patterns for name in names) and not any(name in patterns for name in others)


def test_no_list_takes_long():
    """By shape, not by a clock: each of these never ended, or took minutes, as a regular expression."""
    stars, dots = "*a" * 25_000, "." * 50_000
    patterns = parse_patterns(f"{stars}, {dots}\n{' ' * 50_000}\n{stars}*b, {'*.' * 25_000}")
    name = "a" * 24_000
    assert name not in patterns and dots in patterns and name + "b" not in patterns


def test_an_exclamation_mark_takes_a_name_out_again():
    patterns = parse_patterns("*_hair, !wet_hair")
    assert "long_hair" in patterns and "wet_hair" not in patterns


def test_the_filter_that_ships():
    patterns = read_patterns(str(configs_folder() / "filter.txt"), "filter.file")
    dropped = "comic manga artist_name multiple_views rating:safe rating:explicit chibi super_deformed furry".split()
    assert all(name in patterns for name in dropped)
    assert not any(name in patterns for name in ("1girl", "smile", "comic_book", "rating"))


def test_the_intrinsic_words_that_ship():
    intrinsic = read_patterns(str(configs_folder() / "intrinsic.txt"), "profile.intrinsic")
    body = "long_hair blue_eyes pink_hair bangs blunt_bangs bob_cut cat_ears demon_horns dark_skin freckles".split()
    other = "closed_eyes wet_hair hair_ribbon hairband smile white_shirt half-closed_eyes fake_animal_ears".split()
    assert [name for name in body if name not in intrinsic] == []
    assert [name for name in other if name in intrinsic] == []


def test_a_missing_list_is_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match=r"filter\.file: .*nowhere\.txt"):
        read_patterns(str(tmp_path / "nowhere.txt"), "filter.file")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"smile\n" * 700_000, "more than 4,000,000 bytes"),
        (b"\xff\xfes\0m\0", r"is not UTF-8 \(byte 0\). Save it as UTF-8"),
        (
            b"".join(b"*%d\n" % number for number in range(1_001)),
            r"1,001 patterns with `\*`; prep accepts at most 1,000",
        ),
    ],
)
def test_a_list_that_is_too_much_says_how_much_it_has(tmp_path, text, says):
    (tmp_path / "list.txt").write_bytes(text)
    with pytest.raises(SettingsError, match=rf"filter\.file: .*list\.txt .*{says}"):
        read_patterns(str(tmp_path / "list.txt"), "filter.file")
