"""Near copies: re-encodings of one picture are told from the same sprite with another face."""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from prep.images import open_image
from prep.scan.copies import BLOCK, COPY_BELOW, _have_close, difference, thumbnail_of
from tests.support.pictures import EXAMPLES, drawing, encoded, save
from tests.support.runs import manifest, run_here

FACES = "giggle normal smile surprised concerned happy vhappy mad".split()
SPRITES = [path for path in sorted((EXAMPLES / "characters").glob("*/*.png")) if path.stem.split("_")[-1] in FACES]


def pixels(data: bytes):
    return thumbnail_of(data, 10**8)


def encodings(image: Image.Image) -> dict[str, bytes]:
    half = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    return {
        "jpeg 95": encoded(image, "JPEG", quality=95),
        "jpeg 30": encoded(image, "JPEG", quality=30),
        "webp 60": encoded(image, "WEBP", quality=60),
        "half": encoded(half),
        "half jpeg": encoded(half, "JPEG", quality=80),
    }


@pytest.mark.parametrize("path", SPRITES, ids=lambda path: path.stem)
def test_encodings_of_a_sprite_are_copies(path):
    whole = Image.fromarray(open_image(path.read_bytes()).pixels)
    original = pixels(path.read_bytes())
    apart = {name: difference(original, pixels(data)) for name, data in encodings(whole).items()}
    assert max(apart.values()) < 22 < COPY_BELOW, apart


@pytest.mark.parametrize("outfit", ["sylvie_blue", "sylvie_green", "eileen", "lucy"])
def test_another_face_is_no_copy(outfit):
    faces = [pixels(path.read_bytes()) for path in SPRITES if path.stem.startswith(outfit)]
    apart = [difference(one, other) for one, other in combinations(faces, 2)]
    assert apart and min(apart) > 34 > COPY_BELOW


@pytest.fixture
def art(tmp_path):
    """A picture, two re-encodings of it, and two faces of one sprite."""
    large = drawing(1, 600, 800)
    save(large, tmp_path / "art" / "mira" / "large.png")
    save(large.resize((300, 400)), tmp_path / "art" / "mira" / "small.png")
    (tmp_path / "art" / "mira" / "coded.jpg").write_bytes(encoded(large, "JPEG", quality=60))
    for face in ("normal", "smile"):
        source = EXAMPLES / "characters" / "sylvie" / f"sylvie_green_{face}.png"
        (tmp_path / "art" / "mira" / f"{face}.png").write_bytes(source.read_bytes())
    return tmp_path / "art"


def test_re_encodings_are_flagged_with_whose_copy_they_are(art, tmp_path, tiny_tagger):
    run_here(art, tmp_path / "out", tiny_tagger)
    rows = {row["source"].split("/")[1]: row for row in manifest(tmp_path / "out")}
    original, copies = rows["large.png"], (rows["small.png"], rows["coded.jpg"])
    if original["near_of"]:  # of two equally large ones, the image id decides
        original, copies = rows["coded.jpg"], (rows["small.png"], rows["large.png"])
    assert original["flags"] == [] and {row["near_of"] for row in copies} == {original["image_id"]}
    assert all(row["status"] == "kept" and row["flags"] == ["near_copy"] for row in copies)
    assert rows["normal.png"]["phash"] == rows["smile.png"]["phash"]
    assert rows["normal.png"]["near_of"] is None and rows["smile.png"]["near_of"] is None


def test_when_asked_only_the_largest_stays(art, tmp_path, tiny_tagger):
    run_here(art, tmp_path / "out", tiny_tagger, "scan.near_copies=drop")
    rows = {row["source"].split("/")[1]: row for row in manifest(tmp_path / "out")}
    kept = {name for name, row in rows.items() if row["status"] == "kept"}
    assert {"normal.png", "smile.png"} < kept and len(kept & {"large.png", "coded.jpg", "small.png"}) == 1
    assert rows["small.png"]["status"] == "rejected" and rows["small.png"]["reason"] == "near_copy"


def test_what_was_compared_once_is_not_decoded_again(art, tmp_path, tiny_tagger, monkeypatch):
    from prep.scan import copies

    run_here(art, tmp_path / "out", tiny_tagger)
    calls = []
    monkeypatch.setattr(copies, "thumbnail_of", lambda *arguments: calls.append(arguments))
    run_here(art, tmp_path / "out", tiny_tagger)
    assert calls == []


def test_pictures_of_another_shape_are_no_copies():
    data = io.BytesIO()
    drawing(1, 400, 300).save(data, "PNG")
    assert difference(pixels(data.getvalue()), pixels(encoded(drawing(1, 300, 400)))) == 255


def test_a_close_hash_is_found_however_far_before():
    far = 3 * BLOCK
    hashes = np.random.default_rng(1).integers(0, 1 << 63, far + 20, dtype=np.uint64)
    hashes[far] = hashes[1] ^ np.uint64(0b10011)
    hashes[far + 9] = hashes[far + 8]
    found = _have_close(hashes).nonzero()[0].tolist()
    # Its twin in the same block may be named too: whoever asks compares with what is before.
    assert {far, far + 9} <= {*found} <= {far, far + 8, far + 9}
