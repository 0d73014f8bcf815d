"""Names, triggers and tags of any kind: TOML by the trainer's own reader, a whole run, and what a hub gives back.

The other trainers' formats: test_views.py; the card: test_card.py.
"""

import itertools
import tomllib
from pathlib import PurePosixPath

import toml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from prep.dataset.toml import dataset_toml
from prep.formats import FORMATS
from prep.names import printable, slugs
from tests.support.finished import captions, export
from tests.support.hostile import HOSTILE_NAMES, HOSTILE_TAGS
from tests.support.pictures import drawing, save
from tests.support.published import published, rows_of
from tests.support.pushing import HOSTILE, WITH, front, shard
from tests.support.runs import run_here
from tests.support.trainers import READERS

texts = st.sampled_from(HOSTILE + HOSTILE_NAMES + HOSTILE_TAGS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
)
numbers = itertools.count()


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4, unique=True), texts)
def test_any_character_and_any_trigger_is_one_subset_for_the_trainers_own_reader(characters, trigger):
    folders = [f"3_{slug}" for slug in slugs(characters).values()]
    text = dataset_toml([(folder, 3, trigger) for folder in folders], 1024)
    found = toml.loads(text)
    assert found == tomllib.loads(text)
    subsets = found["datasets"][0]["subsets"]
    assert [subset["image_dir"] for subset in subsets] == folders and len(set(folders)) == len(folders)
    assert {subset["class_tokens"] for subset in subsets} == {trigger.lstrip('"')}  # which that reader would misread
    for folder in folders:
        assert PurePosixPath(folder).name == folder and not set(folder) & set("[]*?\\") and folder.isprintable()


# A push costs too much to shrink what fails.
@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.generate],
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@example(["mira"], ["a\r\nb"])
@given(st.lists(texts, min_size=1, max_size=3, unique=True), st.lists(texts, min_size=1, max_size=3))
def test_any_name_and_any_tag_come_back_from_the_hub(hub, push, tmp_path, characters, tags):
    number = next(numbers)
    characters = list({printable(name): None for name in characters})  # as the manifest has them
    out = published(tmp_path / str(number), tuple(characters), count=1, tags=tuple(tags))
    done = push(out, *WITH, repo=f"me/set{number}")
    assert done.code == 0, done.err
    rows = shard(hub, "data/real-00000.parquet", f"me/set{number}")
    assert {row["character"] for row in rows} == set(characters)
    assert all(row["tags"] == tags for row in rows)
    # As they are read from their files.
    captions_by_id = {row["image_id"]: (row["caption"] or "").strip().replace("\r\n", "\n") for row in rows_of(out)}
    assert all(row["text"] == captions_by_id[row["image_id"]] for row in rows)
    assert not [row for row in rows if "/" in row["image"]["path"]]
    assert [each["config_name"] for each in front(hub.read(f"me/set{number}", "README.md").decode())["configs"]] == [
        "default", "real", "generated"
    ]  # fmt: skip


def test_folders_with_hostile_names_go_the_whole_road(hub, push, tmp_path, tiny_tagger):
    names = [name for name in HOSTILE_NAMES if "/" not in name and name.strip() and len(name) < 100] + ["---", "$x$"]
    for number, name in enumerate(names):
        save(drawing(number), tmp_path / "art" / name / "1.png")
    out = tmp_path / "out"
    run_here(tmp_path / "art", out, tiny_tagger)
    subsets = toml.loads((out / "kohya" / "dataset.toml").read_text())["datasets"][0]["subsets"]
    assert sorted(subset["image_dir"] for subset in subsets) == sorted(path.name for path in out.glob("kohya/*/"))
    assert len(subsets) == len(names)
    for name in FORMATS:
        found = READERS[name](export(out, name)[0])
        assert sorted(text for text, _ in found) == sorted(captions(out).values())
    assert push(out, *WITH).code == 0
    rows = shard(hub, "data/real-00000.parquet")
    assert sorted(row["character"] for row in rows) == sorted(map(printable, names))
    assert {path.name for path in tmp_path.iterdir()} <= {"art", "out", "hf"}
