"""A person's version of a picture that goes and comes back is still a person's."""

from PIL import Image

from tests.edits.test_retouched import retouch


def removed_and_put_back(made, name="000"):
    data = retouch(made.image(name))
    made.run()
    path = made.image(name)
    path.unlink()
    made.run()
    path.write_bytes(data)
    made.run()
    assert "retouched" in made.row(name)["flags"]
    return path, data


def test_a_retouched_picture_that_was_taken_out_and_put_back_is_not_prep_s(made):
    path, data = removed_and_put_back(made)
    with made.door() as edits:
        edits.exclude([made.key("000")])
    assert not path.exists() and (made.out / "set_aside" / path.relative_to(made.out)).read_bytes() == data


def test_and_follows_its_character(made):
    _, data = removed_and_put_back(made)
    (made.art / "mira").rename(made.art / "sylvie")
    made.run()
    assert made.image("sylvie/000.png").read_bytes() == data


def test_undoing_an_exclusion_brings_the_person_s_version_back(made, capsys):
    data = retouch(made.image("000"))
    made.run()
    path, key = made.image("000"), made.key("000")
    for _ in range(2):
        with made.door() as edits:
            edits.exclude([key])
        made.run()
        with made.door() as edits:
            edits.undo()
        made.run()
        assert made.image("000") == path and path.read_bytes() == data and "retouched" in made.row("000")["flags"]
        assert "is back from set_aside/" in capsys.readouterr().out
    assert not (made.out / "set_aside").exists()


def test_a_version_put_back_before_prep_s_own_is_taken(made):
    path, key = made.image("000"), made.key("000")
    with Image.open(path) as image:
        image.save(path.with_suffix(".jpg"))
    data = path.with_suffix(".jpg").read_bytes()
    path.unlink()
    made.run()
    with made.door() as edits:
        edits.exclude([key])
    kept = made.out / "set_aside" / path.with_suffix(".jpg").relative_to(made.out)
    kept.unlink()
    with made.door() as edits:
        edits.undo()
    path.with_suffix(".jpg").write_bytes(data)
    made.run()
    assert made.image("000").read_bytes() == data and len(list(path.parent.glob(f"{path.stem}.[pj]*"))) == 1
