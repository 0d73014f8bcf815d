"""Numbers that no trainer could count to, in a folder's name and in settings: a sentence, and nothing is lost."""

import pytest

from prep.dataset.finished import read_set
from prep.errors import UsageError
from prep.names import MOST_REPEATS
from prep.pipeline.status import status_of
from tests.support.runs import tree

MANY = (str(10**14), "9" * 200)


@pytest.mark.parametrize("many", MANY)
def test_a_folder_of_endless_repeats_is_a_sentence_and_takes_its_name_back(made, typed, many):
    [folder] = made.out.glob("kohya/*_mira")
    made.add("001", "by hand")
    endless = folder.rename(folder.with_name(f"{many}_mira"))
    before = tree(made.out)
    for work in (made.run, lambda: read_set(made.out)):
        with pytest.raises(
            UsageError, match=rf"{many}_mira asks for too many repeats: the most are 1,000,000\. Rename it"
        ):
            work()
    said = typed("lint", made.out)
    assert said.code == 1 and "Traceback" not in said.out + said.err
    assert tree(made.out) == before
    endless.rename(folder.with_name("7_mira"))
    made.run()
    assert "by hand" in made.text("001").read_text() and made.image("001").parent.name == "7_mira"


def test_status_says_that_a_run_would_stop(made):
    [folder] = made.out.glob("kohya/*_noa")
    folder.rename(folder.with_name(f"{10**14}_noa"))
    assert any("a run now would stop: " in line and "the most are" in line for line in status_of(made.out))


def test_a_folder_of_src_is_its_character_whatever_number_it_begins_with(made):
    for many in MANY:
        (made.art / "noa").rename(made.art / f"{many}_noa")
        assert made.run().exit_code == 0
        assert {row["character"] for row in made.rows().values()} == {"mira", "noa"}
        (made.art / f"{many}_noa").rename(made.art / "noa")


def test_settings_may_ask_for_as_many_repeats_as_a_trainer_can_count(made):
    with pytest.raises(
        UsageError, match=rf"images_per_epoch` is {10**14}; expected a whole number from 0 to 1,000,000"
    ):
        made.run(f"export.images_per_epoch={10**14}", rebalance=True)
    made.run(f"export.images_per_epoch={MOST_REPEATS}", rebalance=True)
    assert {path.name for path in made.out.glob("kohya/*/")} == {f"{MOST_REPEATS // 3}_mira", f"{MOST_REPEATS}_noa"}
    made.run()
    assert read_set(made.out).images == 4
