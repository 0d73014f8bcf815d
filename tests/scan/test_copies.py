"""Near copies: re-encodings of one picture are told from the same sprite with another face."""

import io
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from prep.images import open_image
from prep.ledger import Ledger
from prep.scan.copies import COPY_BELOW, HASH_BITS, NEAR, difference, marked, thumbnail_of
from prep.types import ImageRef, Row
from tests.support.pictures import EXAMPLES, drawing, encoded, save
from tests.support.runs import manifest, run_here

FACES = "giggle normal smile surprised concerned happy vhappy mad".split()
SPRITES = [path for path in sorted((EXAMPLES / "characters").glob("*/*.png")) if path.stem.split("_")[-1] in FACES]


@cache
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


def faced(base: int, size: tuple[int, int], mouth: int, form: str) -> bytes:
    """One of a few drawings at a size, with a mouth in one of some greys, in one of some containers."""
    image = drawing(base, 60, 48)
    ImageDraw.Draw(image).rectangle((16, 16, 31, 31), (mouth, mouth, mouth))
    image = image.resize(size, Image.Resampling.BOX) if size != image.size else image
    return encoded(image, "JPEG", quality=70) if form == "JPEG" else encoded(image)


FILES = [
    faced(base, size, mouth, form)
    for base in (1, 2)
    for size in ((60, 48), (30, 24), (10, 7))  # the last is smaller than a block
    for mouth, form in ((0, "PNG"), (27, "PNG"), (30, "PNG"), (255, "PNG"), (0, "JPEG"))
]
GONE = len(FILES)


def refs_of(chosen: list[tuple[int, int, int]]) -> list[ImageRef]:
    """chosen: for each picture its place in FILES, the bits of its hash that differ from 0, and its size."""
    hashes = [f"{(1 << bits) - 1:016x}" for _, bits, _ in chosen]
    return [
        ImageRef(f"{at:03d}", str(file), "mira", side, side, "png", 1, 0.1, 50.0, phash, ())
        for at, ((file, _, side), phash) in enumerate(zip(chosen, hashes, strict=True))
    ]


def read_file_of(ref: ImageRef) -> bytes:
    if int(ref.path) == GONE:
        raise FileNotFoundError(ref.path)
    return FILES[int(ref.path)]


def compared_plainly(refs: list[ImageRef]) -> dict[str, str]:
    """copy -> original: each picture against each original before it, the largest first."""

    def is_copy(one: ImageRef, other: ImageRef) -> bool:
        if (int(one.phash, 16) ^ int(other.phash, 16)).bit_count() > HASH_BITS or GONE in (
            int(one.path),
            int(other.path),
        ):
            return False
        return difference(pixels(FILES[int(one.path)]), pixels(FILES[int(other.path)])) < COPY_BELOW

    originals, found = [], {}
    for ref in sorted(refs, key=lambda ref: (-ref.width * ref.height, ref.sha256)):
        original = next((each for each in originals if is_copy(ref, each)), None)
        if original:
            found[ref.sha256] = original.sha256
        else:
            originals.append(ref)
    return found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, GONE), st.sampled_from([0, 1, 8, 9, 17]), st.integers(1, 4)), max_size=12))
def test_marks_are_those_of_the_plain_comparison(chosen):
    refs = refs_of(chosen)
    with TemporaryDirectory() as out:
        rows = marked([Row(ref) for ref in refs], read_file_of, Ledger(Path(out) / "ledger"), False, 10**8)
        again = marked([Row(ref) for ref in refs], never_read, Ledger(Path(out) / "ledger"), False, 10**8)
    assert {row.ref.sha256: row.near_of for row in rows if row.near_of} == compared_plainly(refs)
    assert [*rows] == [*again]


def never_read(ref: ImageRef) -> bytes:
    raise AssertionError(ref)


def test_each_variant_of_a_sprite_is_decoded_once_however_many_there_are(tmp_path):
    chosen = [(place, 0, 4) for place in range(GONE)]
    reads = Counter()

    def read(ref: ImageRef) -> bytes:
        reads[ref.sha256] += 1
        return read_file_of(ref)

    refs = [ref for _ in range(5) for ref in refs_of(chosen)]
    refs = [ref._replace(sha256=f"{at:03d}") for at, ref in enumerate(refs)]
    marked([Row(ref) for ref in refs], read, Ledger(tmp_path / "ledger"), False, 10**8)
    assert len(refs) > 2 * 64 and set(reads.values()) == {1} and len(reads) == len(refs)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]  # thumbnails leave nothing behind
    assert len(Ledger(tmp_path / "ledger").table(NEAR)) > len(refs)
