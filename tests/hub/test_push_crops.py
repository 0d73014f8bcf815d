"""A push of a set with crops: a config of their own, and part of what is trained on; nothing was drawn."""

from tests.support.pushing import WITH, card, front, shard


def test_crops_are_published_with_their_parents_and_count_as_nobodys_drawing(hub, push, cropped):
    done = push(cropped.out, *WITH)
    assert done.code == 0, done.err
    assert "12 rows of 2 characters" in done.out and "drawn" not in done.out.splitlines()[0]
    configs = {each["config_name"]: each["data_files"][0]["path"] for each in front(card(hub))["configs"]}
    assert configs["default"] == ["data/real-*.parquet", "data/crop-*.parquet"]
    assert configs["crops"] == ["data/crop-*.parquet"] and "generated" not in configs
    assert "synthetic" not in front(card(hub))["tags"]
    (path,) = [name for name in hub.files("me/set") if name.startswith("data/crop-")]
    rows = shard(hub, path)
    crops = {row["image_id"]: row for row in cropped.crops()}
    assert {row["image_id"] for row in rows} == crops.keys()
    for row in rows:
        assert (row["origin"], row["manner"]) == ("crop", crops[row["image_id"]]["manner"])
        assert row["parent_image_id"] == crops[row["image_id"]]["parent_id"] and row["generator"] is None
