"""Which folder a table [characters.NAME] is about."""

import pytest

from prep.captions.characters import check_triggers, for_folders
from prep.config import load_settings
from prep.errors import SettingsError

FOLDERS = ["Sylvie (VN)", "mira", "Łucja", "é"]


def named(*sections: str, folders=FOLDERS, **options) -> list[str]:
    sets = tuple(f"characters.{section}.trigger=x{number}" for number, section in enumerate(sections))
    return list(for_folders(load_settings(sets=sets), folders, **options).characters)


@pytest.mark.parametrize(
    ("section", "folder"),
    [
        ("mira", "mira"),
        ("MIRA", "mira"),
        ("10_mira", "mira"),
        ('"Sylvie (VN)"', "Sylvie (VN)"),
        ("Sylvie (VN)", "Sylvie (VN)"),  # as --set may have it
        ("sylvie (vn)", "Sylvie (VN)"),
        ("sylvie_vn", "Sylvie (VN)"),
        ("Sylvie_VN", "Sylvie (VN)"),
        ("łucja", "Łucja"),
        ("e\u0301", "é"),
    ],
)
def test_a_table_is_named_as_its_folder_or_as_the_folders_slug(section, folder):
    assert named(section) == [folder]


def test_the_exact_name_wins_over_one_that_is_alike():
    assert named("mira", folders=["Mira", "mira"]) == ["mira"]
    assert named("sylvie_vn", folders=["Sylvie (VN)", "sylvie_vn"]) == ["sylvie_vn"]


def test_the_table_in_a_file_is_the_same(tmp_path):
    (tmp_path / "prep.toml").write_text('[characters."sylvie (vn)"]\ntrigger = "x"\n')
    assert for_folders(load_settings(tmp_path), FOLDERS).characters["Sylvie (VN)"].trigger == "x"


@pytest.mark.parametrize(
    ("sections", "folders", "says"),
    [
        (
            ("mria",),
            FOLDERS,
            r"\[characters.mria\]: SRC has no folder of that name with pictures. Did you mean \[characters.mira\]\?",
        ),
        (
            ("silvie_vn",),
            FOLDERS,
            r'Did you mean \[characters."Sylvie \(VN\)"\] or \[characters.sylvie_vn\]\?',
        ),
        (("zzz",), ["mira", "a b"], r'Use one of \[characters.mira\], \[characters."a b"\]'),
        (("sylvie_vn", '"Sylvie (VN)"'), FOLDERS, r"\[characters.sylvie_vn\] and .*are both for Sylvie \(VN\)"),
        (("MIRA",), ["Mira", "mira"], r"\[characters.MIRA\] matches both Mira and mira. Name one exactly"),
        (("a_b",), ["a b", "a-b", "a (b)"], r"matches both a b and a \(b\)"),
    ],
)
def test_what_is_about_no_folder_or_about_two_says_what_to_write(sections, folders, says):
    with pytest.raises(SettingsError, match=says):
        named(*sections, folders=folders)


def test_who_has_one_picture_passes_over_the_tables_of_others():
    assert named("mira", "lucy", folders=["mira"], others=True) == ["mira"]


def checked(*sets: str, folders=("mira", "noa")) -> None:
    check_triggers(for_folders(load_settings(sets=sets), list(folders)), list(folders))


@pytest.mark.parametrize("trigger", ["mi_ra", "Mi_Ra", "MI RA ", '"Mi ra"'])
def test_a_trigger_that_reads_like_another_characters_is_refused_with_both_names(trigger):
    with pytest.raises(SettingsError, match=r"^\[characters.noa\] trigger: mi_ra and noa would have the same trigger"):
        checked(f"characters.noa.trigger={trigger}", folders=("mi_ra", "noa"))
    with pytest.raises(SettingsError, match=r"Choose another word; if they are one character, write trigger = "):
        checked("characters.mira.trigger=elf", "characters.noa.trigger=Elf")


def test_two_tables_with_the_same_trigger_are_a_choice():
    checked("characters.mira.trigger=elf", "characters.noa.trigger=elf")
    checked("characters.noa.trigger=lucy", folders=("noa",))
