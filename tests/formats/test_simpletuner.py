"""multidatabackend.json by the keys of SimpleTuner's DATALOADER.md, the parquet files read as it reads them."""

from tests.support.finished import Maker, export, small_set
from tests.support.trainers.simpletuner import backends, read


def test_every_folder_is_a_backend_with_sizes_and_one_repeat_less(tmp_path):
    import pyarrow.parquet as pq

    folder, _, _ = export(small_set(tmp_path / "set"), "simpletuner")
    assert [(each["id"], each["repeats"]) for each in backends(folder)] == [
        ("images-mira", 9), ("images-mira-drawn", 1), ("images-test", 29),
    ]  # fmt: skip
    assert {each["resolution"] for each in backends(folder)} == {0.262144}  # of 512 px
    (row,) = pq.read_table(folder / "metadata" / "test.parquet").to_pylist()
    assert row == {"filename": row["filename"], "caption": "test, 1boy, solo", "width": 32, "height": 48}


def test_an_emptied_caption_is_left_out_and_said(tmp_path):
    out = small_set(tmp_path / "set")
    next((out / "kohya" / "10_mira").glob("*.txt")).write_text("\n")
    folder, _, told = export(out, "simpletuner")
    assert told[0].startswith("1 with an emptied caption left out") and len(read(folder)) == 3


def test_a_character_called_as_a_folder_of_ours_is_no_trouble(tmp_path):
    made = Maker(tmp_path / "set")
    for character in ("cache", "text-embeds", "metadata"):
        made.add(character, f"{character}, 1girl")
    assert len(read(export(made.finish(), "simpletuner")[0])) == 3
