"""--fix: after it the set is clean, pixels and captions are what is expected, and nothing else has changed."""

import hashlib
import io
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prep.lint.look import RULES, apply_fixes, lint
from tests.lint.broken import (
    MARK,
    TOML,
    clean_config,
    clean_folder,
    edited,
    file,
    pair,
    picture,
    with_subset,
    write_all,
    write_broken,
)


def files(root: Path) -> dict[str, bytes]:
    """Every file under root, but fifos and links."""
    paths = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if rule.fixable])
def test_after_a_fix_the_set_is_clean_and_a_second_does_nothing(tmp_path, rule):
    root = write_broken(tmp_path / "set", rule)
    report, done, failed = apply_fixes(root)
    assert (report.findings, done, failed) == ((), 1, [])
    once = files(root)
    assert apply_fixes(root)[1] == 0
    assert files(root) == once


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if not rule.fixable])
def test_what_is_not_fixed_is_not_touched(tmp_path, rule):
    root = write_broken(tmp_path / "set", rule)
    before = files(root)
    assert apply_fixes(root)[1] == 0
    assert files(root) == before


def test_everything_at_once_is_fixed_as_far_as_it_can_be(tmp_path):
    for path in write_all(tmp_path).values():
        report, _, failed = apply_fixes(path)
        assert not failed
        assert not [finding for finding in report.findings if finding.fix]
    assert not [name for name in files(tmp_path) if "/.prep-" in name]


# Captions


def test_a_mark_goes_and_the_caption_stays(tmp_path):
    root = write_broken(tmp_path, "caption-bom")
    apply_fixes(root)
    assert (root / "10_sylvie" / "mark-01.txt").read_bytes() == b"sylvie, 1girl\n"


@pytest.mark.parametrize("data", [b"", MARK])
def test_an_empty_caption_becomes_a_lone_newline(tmp_path, data):
    pair("10_sylvie/empty-01.png", caption=data)(clean_folder(tmp_path))
    apply_fixes(tmp_path)
    assert (tmp_path / "10_sylvie" / "empty-01.txt").read_bytes() == b"\n"


def test_a_caption_file_is_renamed_and_then_fixed(tmp_path):
    pair("10_sylvie/ending-01.png", caption=MARK + b"sylvie\n", extension=".caption")(clean_folder(tmp_path))
    report, done, _ = apply_fixes(tmp_path)
    assert (report.findings, done) == ((), 2)
    assert (tmp_path / "10_sylvie" / "ending-01.txt").read_bytes() == b"sylvie\n"
    assert not (tmp_path / "10_sylvie" / "ending-01.caption").exists()


def test_a_caption_that_is_a_link_is_left_alone_and_so_is_what_it_leads_to(tmp_path):
    clean_folder(tmp_path / "set")
    (tmp_path / "source.txt").write_bytes(MARK + b"sylvie\n")
    file("10_sylvie/linked-01.png", picture())(tmp_path / "set")
    (tmp_path / "set" / "10_sylvie" / "linked-01.txt").symlink_to(tmp_path / "source.txt")
    report, done, failed = apply_fixes(tmp_path / "set")
    assert [finding.rule.id for finding in report.findings] == ["caption-bom"] and done == 0
    assert failed == ["10_sylvie/linked-01.txt: linked-01.txt is a link. Put a file in its place."]
    assert (tmp_path / "set" / "10_sylvie" / "linked-01.txt").is_symlink()
    assert (tmp_path / "source.txt").read_bytes() == MARK + b"sylvie\n"


# Images


def test_a_turned_picture_stands_upright_under_a_new_name(tmp_path):
    root = write_broken(tmp_path, "image-rotated")
    original = (root / "10_sylvie" / "turned-01.jpg").read_bytes()
    apply_fixes(root)
    [baked] = (root / "10_sylvie").glob("turned-01-*.png")
    with Image.open(baked) as image:
        assert (image.size, image.mode, image.getexif().get(0x0112)) == ((16, 24), "RGB", None)
        top, bottom = image.getpixel((8, 2)), image.getpixel((8, 21))
    assert top[0] > 150 > bottom[0] and bottom[2] > 150 > top[2]  # turned right: what was left is at the top
    assert baked.with_suffix(".txt").read_bytes() == b"sylvie\n"
    assert (root / "10_sylvie" / "turned-01.jpg.orig").read_bytes() == original
    assert not list((root / "10_sylvie").glob("turned-01.*t"))  # its old caption is gone with it


def test_transparency_is_laid_on_white(tmp_path):
    root = write_broken(tmp_path, "image-alpha")
    apply_fixes(root)
    [baked] = (root / "10_sylvie").glob("clear-01-*.png")
    with Image.open(baked) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (16, 24, 3)
    assert (pixels[:, :12] == 255).all() and (pixels[:, 12:] == (0, 0, 200)).all()


def test_the_hash_in_an_exported_name_is_replaced(tmp_path):
    pair("10_sylvie/sylvie-0123456789ab.png", picture("RGBA"))(clean_folder(tmp_path))
    apply_fixes(tmp_path)
    [name] = [path.name for path in (tmp_path / "10_sylvie").glob("sylvie-????????????.png")]
    digest = hashlib.sha256((tmp_path / "10_sylvie" / name).read_bytes()).hexdigest()
    assert name == f"sylvie-{digest[:12]}.png"
    assert (tmp_path / "10_sylvie" / "sylvie-0123456789ab.png.orig").exists()


def test_an_ending_in_mixed_case_and_what_it_hid_are_both_fixed(tmp_path):
    pair("10_sylvie/both-01.Png", picture("RGBA"))(clean_folder(tmp_path))
    report, done, _ = apply_fixes(tmp_path)
    assert (report.findings, done) == ((), 2)


@pytest.mark.parametrize("blocker", ["both-01.jpg", "both-01.png.orig"])
def test_nothing_is_replaced_and_nothing_lost(tmp_path, blocker):
    pair("10_sylvie/both-01.png", picture("RGBA"))(clean_folder(tmp_path))
    file(f"10_sylvie/{blocker}", picture(kind="JPEG"))(tmp_path)
    before = files(tmp_path)
    report, done, [why] = apply_fixes(tmp_path)
    assert done == 0 and report.wrong and "both-01" in why
    assert files(tmp_path) == before


def test_a_training_mask_is_kept(tmp_path):
    edited("num_repeats", "alpha_mask = true\nnum_repeats")(clean_config(tmp_path))
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(picture("RGBA"))) as image:
        image.save(stream, "PNG", exif=exif)
    pair("10_sylvie/mask-01.png", stream.getvalue())(tmp_path)
    report, done, _ = apply_fixes(tmp_path)
    assert [finding.rule.id for finding in report.findings] == ["image-rotated"]
    assert done == 0


# dataset.toml


def test_values_change_and_comments_stay(tmp_path):
    text = TOML.replace("num_repeats = 10", 'num_repeats = "10" # often\nflip_aug = 0\nclass_tokens = 7')
    text = text.replace('class_tokens = "sylvie"\n', "").replace("[general]", "# mine\n[general]\nvalidation_split = 0")
    file("dataset.toml", MARK + text.encode())(clean_config(tmp_path))
    report, done, failed = apply_fixes(tmp_path)
    assert {finding.rule.id for finding in report.findings} == {"caption-trigger"}  # none of them says 7
    assert (done, failed) == (5, [])
    fixed = (tmp_path / "dataset.toml").read_text("utf-8")
    assert "# mine\n" in fixed and "num_repeats = 10 # often\n" in fixed
    values = tomllib.loads(fixed)
    assert values["general"]["validation_split"] == 0.0
    subset = values["datasets"][0]["subsets"][0]
    assert subset == {"image_dir": "10_sylvie", "num_repeats": 10, "flip_aug": False, "class_tokens": "7"}


@pytest.mark.parametrize("value", ["1.5", '"ten"', "[10]", "2024-01-01", "{}", "1e99"])
def test_a_value_that_says_something_else_is_left(tmp_path, value):
    edited("num_repeats = 10", f"num_repeats = {value}")(clean_config(tmp_path))
    before = files(tmp_path)
    report, done, _ = apply_fixes(tmp_path)
    assert [finding.rule.id for finding in report.findings] == ["toml-type"]
    assert done == 0 and files(tmp_path) == before


def test_a_written_caption_extension_is_a_persons_and_stays(tmp_path):
    edited('".txt"', '".tags"')(clean_config(tmp_path))
    report, done, _ = apply_fixes(tmp_path)
    assert [finding.rule.id for finding in report.findings] == ["caption-extension"]
    assert done == 0


def test_a_caption_extension_is_added_where_there_is_no_general_part(tmp_path):
    with_subset('image_dir = "5_eileen"')(clean_config(tmp_path))
    pair("5_eileen/eileen-01.png", extension=".caption")(tmp_path)
    text = (tmp_path / "dataset.toml").read_text("utf-8")
    head, _, rest = text.partition("[[datasets]]\nresolution = 1024")
    file(
        "dataset.toml", f"[[datasets]]\nresolution = 1024\nenable_bucket = true\nmax_bucket_reso = 2048{rest}".encode()
    )(tmp_path)
    report, done, failed = apply_fixes(tmp_path)
    assert (report.findings, done, failed) == ((), 2, [])  # and then the .caption beside the .txt is renamed


def test_inline_tables_and_dotted_keys_are_fixed_in_place(tmp_path):
    text = """general.enable_bucket = 1
general.bucket_no_upscale = true
datasets = [{resolution = "1024", subsets = [{image_dir = "10_sylvie", caption_extension = ".txt", num_repeats = 2.0}]}]
"""
    file("dataset.toml", text.encode())(clean_config(tmp_path))
    report, done, failed = apply_fixes(tmp_path)
    assert (report.findings, done, failed) == ((), 3, [])
    fixed = text.replace("= 1\n", "= true\n").replace('"1024"', "1024").replace("2.0", "2")
    assert (tmp_path / "dataset.toml").read_text("utf-8") == fixed


def test_a_general_part_that_is_no_table_is_left(tmp_path):
    text = TOML.replace('[general]\ncaption_extension = ".txt"\n', "general = 5\n[[datasets]]\n")
    file("dataset.toml", text.replace("\n\n[[datasets]]", "").encode())(clean_config(tmp_path))
    before = files(tmp_path)
    _, done, [why] = apply_fixes(tmp_path)
    assert done == 0 and files(tmp_path) == before
    assert "general in dataset.toml is not a table" in why


def test_a_write_that_fails_is_reported_and_the_rest_is_fixed(tmp_path, monkeypatch):
    write_broken(tmp_path, "caption-bom")
    pair("10_sylvie/empty-01.png", caption=b"")(tmp_path)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("prep.lint.fix.without_bom", refuse)
    report, done, failed = apply_fixes(tmp_path)
    assert done == 1 and [finding.rule.id for finding in report.findings] == ["caption-bom"]
    assert len(failed) == 1 and "Permission denied" in failed[0]


def test_a_kill_between_two_steps_leaves_no_picture_without_its_caption(tmp_path, monkeypatch):
    write_broken(tmp_path, "image-alpha")
    folder = tmp_path / "10_sylvie"
    whole = files(tmp_path)
    rename = Path.rename

    def cut(self: Path, target: Path) -> Path:
        if self.name == "clear-01.png":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        apply_fixes(tmp_path)
    monkeypatch.undo()
    assert whole.items() <= files(tmp_path).items()
    for image in folder.glob("*.png"):
        assert image.with_suffix(".txt").exists()
    assert lint(tmp_path).wrong
    report, _, failed = apply_fixes(tmp_path)
    assert not failed and not report.wrong and len(list(folder.glob("*.png"))) == len(list(folder.glob("*.txt")))


def test_what_a_killed_fix_left_half_written_is_swept(tmp_path):
    folder = write_broken(tmp_path, "caption-empty") / "10_sylvie"
    half = folder / ".prep-0123abcd-1-1"
    half.write_bytes(b"half")
    lint(tmp_path)
    assert half.exists()
    apply_fixes(tmp_path)
    assert not half.exists()
