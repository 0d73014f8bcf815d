"""Each rule finds its own fault, and nothing finds fault with what sd-scripts reads rightly."""

import io
import os

import pytest
from PIL import Image

from prep.cli.lint import lines
from prep.dataset.base import base_around
from prep.errors import UsageError
from prep.lint import look
from prep.lint.look import RULES, lint
from tests.lint.broken import (
    CONFIG,
    FOLDER,
    FOR_A_MODEL,
    clean_config,
    clean_folder,
    clean_out,
    edited,
    file,
    pair,
    picture,
    with_subset,
    write_all,
    write_broken,
)


def found(path):
    return [finding.rule.id for finding in lint(path, base_around(path)).findings]


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_a_set_with_one_fault_yields_that_finding_and_no_other(tmp_path, rule):
    assert found(write_broken(tmp_path / "set", rule)) == [rule]


def test_every_rule_has_a_broken_set():
    assert sorted([*CONFIG, *FOLDER, *FOR_A_MODEL]) == sorted(rule.id for rule in RULES)


def test_clean_sets_are_clean(tmp_path):
    config = clean_config(tmp_path / "out" / "kohya")
    assert found(clean_folder(tmp_path / "folder")) == []
    assert found(config) == []
    assert found(config / "dataset.toml") == []
    assert found(config / "10_sylvie") == []
    assert found(tmp_path / "out") == []
    assert lint(config).images == 2


def test_everything_at_once_names_every_rule(tmp_path):
    sets = write_all(tmp_path)
    assert {rule for path in sets.values() for rule in found(path)} == {rule.id for rule in RULES}


def test_findings_come_sorted_errors_first(tmp_path):
    findings = lint(write_all(tmp_path)["folder"]).findings
    levels = ["error", "warning", "note"]
    assert [f.rule.level for f in findings] == sorted((f.rule.level for f in findings), key=levels.index)
    assert findings == lint(tmp_path / "folder").findings


@pytest.mark.parametrize("name", ["missing", "pipe", "notes.txt"])
def test_what_is_no_set_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match=name):
        lint(tmp_path / name)


# Folders and images


def test_a_source_folder_is_told_what_is_missing(tmp_path):
    pair("sylvie/a.png")(tmp_path)
    assert found(tmp_path) == ["folder-number"]


def test_upper_case_endings_and_hidden_files_are_no_fault(tmp_path):
    clean_folder(tmp_path)
    pair("10_sylvie/third.PNG")(tmp_path)
    file("10_sylvie/._third.PNG", b"junk")(tmp_path)
    assert found(tmp_path) == []


def test_a_number_more_is_no_stem_prefix(tmp_path):
    clean_folder(tmp_path)
    pair("10_sylvie/sylvie-011.png")(tmp_path)  # the glob is for `sylvie-01_*`
    assert found(tmp_path) == []


def test_an_opaque_alpha_channel_is_no_fault(tmp_path):
    clean_folder(tmp_path)
    image = tmp_path / "10_sylvie" / "sylvie-01.png"
    with Image.open(image) as opened:
        opened.convert("RGBA").save(image)
    assert found(tmp_path) == []


def test_alpha_is_wanted_under_alpha_mask(tmp_path):
    clean_config(tmp_path)
    edited("num_repeats", "alpha_mask = true\nnum_repeats")(tmp_path)
    pair("10_sylvie/clear-01.png", picture("RGBA"))(tmp_path)
    assert found(tmp_path) == []


@pytest.mark.parametrize("data", [picture()[:-30], b"", b"\x89PNG\r\n\x1a\n", b"II*\0" * 99])
def test_a_damaged_image_is_found(tmp_path, data):
    clean_folder(tmp_path)
    pair("10_sylvie/cut-01.png", data)(tmp_path)
    assert found(tmp_path) == ["image-unread"]


def test_pictures_beyond_those_that_are_read_at_once_are_checked_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(look, "AT_ONCE", 2)
    clean_folder(tmp_path)
    for number in (3, 5, 7):
        pair(f"10_sylvie/cut-0{number}.png", picture()[:-30])(tmp_path)
    assert found(tmp_path) == ["image-unread"] * 3


def test_a_picture_whose_profile_no_trainer_opens_is_found(tmp_path):
    clean_folder(tmp_path)
    stream = io.BytesIO()
    with Image.open(io.BytesIO(picture())) as image:
        image.save(stream, "PNG", icc_profile=bytes(1_200_000))
    pair("10_sylvie/profile-01.png", stream.getvalue())(tmp_path)
    assert found(tmp_path) == ["image-unread"]


# Captions


def test_trailing_blank_lines_are_no_fault(tmp_path):
    clean_folder(tmp_path)
    pair("10_sylvie/lines-01.png", caption=b"sylvie, 1girl\r\n\r\n  \n")(tmp_path)
    assert found(tmp_path) == []


def test_a_lone_newline_is_an_empty_caption(tmp_path):
    clean_folder(tmp_path)
    pair("10_sylvie/empty-01.png", caption=b"\n")(tmp_path)
    assert found(tmp_path) == []


def test_a_blank_first_line_hides_the_caption(tmp_path):
    clean_folder(tmp_path)
    pair("10_sylvie/lines-01.png", caption=b"\nsylvie\n")(tmp_path)
    assert found(tmp_path) == ["caption-lines"]


def test_wildcards_are_read_line_by_line(tmp_path):
    clean_config(tmp_path)
    edited("num_repeats", "enable_wildcard = true\nnum_repeats")(tmp_path)
    pair("10_sylvie/wild-01.png", caption=b"sylvie, {smile|frown}\nsylvie, {{brace}}\n")(tmp_path)
    assert found(tmp_path) == []
    pair("10_sylvie/wild-02.png", caption=b"sylvie, :}\n")(tmp_path)
    assert found(tmp_path) == ["caption-braces"]


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ('keep_tokens_separator = "|||"\nshuffle_caption = true', ["text-cache"]),
        ('keep_tokens_separator = "|||"\ntoken_warmup_step = 2', ["text-cache"]),
        ('keep_tokens_separator = "|||"', ["caption-separator"]),
        ("shuffle_caption = true", ["caption-separator", "text-cache"]),
        ('keep_tokens_separator = "&&"', ["caption-separator"]),
    ],
)
def test_a_separator_is_cut_out_only_where_captions_vary(tmp_path, settings, ids):
    clean_config(tmp_path)
    edited("num_repeats", f"{settings}\nnum_repeats")(tmp_path)
    mark = b"&&" if "&&" in settings else b"|||"
    pair("10_sylvie/bars-01.png", caption=b"sylvie " + mark + b" 1girl\n")(tmp_path)
    assert found(tmp_path) == ids


def test_a_caption_of_100_kb_is_long_and_no_more(tmp_path):
    clean_folder(tmp_path)
    pair("10_sylvie/long-01.png", caption=b"{, smile" * 12_500)(tmp_path)
    assert found(tmp_path) == ["caption-long"]


@pytest.mark.parametrize("data", [b"\xff\xfes\0y\0", b"caf\xe9", b"a" * 1_000_001, b"\xed\xa0\x80"])
def test_what_is_no_text_is_found(tmp_path, data):
    clean_folder(tmp_path)
    pair("10_sylvie/odd-01.png", caption=data)(tmp_path)
    assert found(tmp_path) == ["caption-unread"]


def test_a_fifo_as_caption_does_not_hang(tmp_path):
    clean_folder(tmp_path)
    file("10_sylvie/pipe-01.png", picture())(tmp_path)
    os.mkfifo(tmp_path / "10_sylvie" / "pipe-01.txt")
    assert found(tmp_path) == ["caption-unread"]


def test_caption_files_are_right_where_the_toml_says_so(tmp_path):
    clean_config(tmp_path)
    edited('caption_extension = ".txt"\n', "")(tmp_path)
    for path in (tmp_path / "10_sylvie").glob("*.txt"):
        path.rename(path.with_suffix(".caption"))
    assert found(tmp_path) == []
    edited('".txt"', '".caption"')(tmp_path)
    assert found(tmp_path) == []
    edited('".txt"', '".text"')(tmp_path)
    assert found(tmp_path) == ["caption-extension"]


@pytest.mark.parametrize("extension", ["txt", "caption"])
def test_an_extension_without_its_dot_is_read_as_sd_scripts_reads_it(tmp_path, extension):
    clean_config(tmp_path)
    edited('".txt"', f'"{extension}"')(tmp_path)
    for path in (tmp_path / "10_sylvie").glob("*.txt"):
        path.rename(path.with_suffix(f".{extension}"))
    assert found(tmp_path) == []


# A base model


@pytest.mark.parametrize("base", ["anima", "lumina", "flux", "sdxl"])
def test_a_set_for_a_model_is_clean_by_whichever_of_its_paths_it_is_named(tmp_path, base):
    kohya = clean_out(tmp_path / "out", base) / "kohya"
    assert found(tmp_path / "out") == found(kohya) == found(kohya / "dataset.toml") == []
    assert {rule for rule in found(kohya / "10_sylvie") if rule != "caption-extension"} == set()


def test_captions_exported_for_another_model_are_checked_by_that_one(tmp_path):
    folder = clean_out(tmp_path, "sdxl") / "export" / "kohya-anima"
    clean_out(tmp_path / "anima", "anima")
    folder.parent.mkdir()
    (tmp_path / "anima" / "kohya").rename(folder)
    for path in (folder, folder / "dataset.toml"):
        assert found(path) == []
    edited("num_repeats", "shuffle_caption = true\nnum_repeats")(folder)
    assert found(folder) == ["sentence-torn", "text-cache"] and found(tmp_path) == []


def test_of_a_set_for_no_model_nothing_is_guessed(tmp_path):
    for number, (base, change) in enumerate(FOR_A_MODEL.values()):
        out = clean_out(tmp_path / str(number), base)
        change(out)
        (out / "manifest.parquet").unlink()
        assert {finding.rule.level for finding in lint(out, base_around(out)).findings} <= {"note"}


def test_a_sentence_in_dataset_toml_is_torn_as_well(tmp_path):
    out = clean_out(tmp_path, "flux")
    edited("num_repeats", "caption_tag_dropout_rate = 0.1\nnum_repeats")(out / "kohya")
    assert found(out) == ["sentence-torn", "text-cache"]  # its options cache the text, so the trainer stops


def test_tags_are_shuffled_by_the_options_for_sdxl_and_counted_by_its_own_limit(tmp_path):
    out = clean_out(tmp_path, "sdxl")
    pair("kohya/10_sylvie/long-01.png", caption=b"sylvie" + b", smile" * 60)(out)
    assert found(out) == []
    options = out / "kohya" / "train_sdxl_lora.toml"
    options.write_text(options.read_text().replace("max_token_length = 225", ""))
    assert found(out) == ["caption-long"]


def test_an_emptied_caption_needs_neither_sentence_nor_head(tmp_path):
    for base in ("anima", "lumina"):
        pair("kohya/10_sylvie/empty-01.png", caption=b"\n")(clean_out(tmp_path / base, base))
        assert [rule for rule in found(tmp_path / base) if rule != "caption-trigger"] == []


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"{}"])
def test_a_manifest_that_cannot_be_read_is_no_fault_of_the_pictures(tmp_path, damage):
    out = clean_out(tmp_path, "anima")
    (out / "manifest.parquet").write_bytes(damage)
    assert found(out) == []


# dataset.toml


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"= 1",
        b"a = " + b"[" * 9_000,
        b"a = " + b"[" * 300 + b"]" * 300,
        b"a = " + b"9" * 9_000,
        b"\xff\xfe[\0",
        b"[general]\n\0",
        b"general = 1\ndatasets = 2",
        b"general = [1, [2, {}]]\ndatasets = [1, {subsets = 3}, {subsets = [4]}]",
        b'[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a\\u0000b"',
        b'"\\u001b" = 1\n"" = {"" = [1, true]}\n' + b'"' + b"a" * 9_999 + b'" = 1',
        b'[[datasets]]\nresolution = [1, -1]\nenable_bucket = true\n[[datasets.subsets]]\nimage_dir = "%s"'
        % (b"a" * 999),
        b"[[datasets]]\nresolution = 1024\nenable_bucket = true\nmax_bucket_reso = 999999999\nbucket_reso_steps = 8",
        b"[general]\nresolution = true\nbucket_reso_steps = false\nenable_bucket = true\n[[datasets]]\nsubsets = []",
        b"[[datasets]]\nvalidation_split = nan\ncaption_dropout_rate = inf\nnum_repeats = -0",
    ],
    ids=range(15),
)
def test_a_foreign_toml_is_told_in_printable_lines(tmp_path, data):
    file("dataset.toml", data)(tmp_path)
    told = list(lines(lint(tmp_path / "dataset.toml").findings, every=True))
    assert told and all(line.isprintable() for line in told)


def test_a_dataset_that_is_missing_beside_the_file_is_looked_for_where_the_command_runs(tmp_path, monkeypatch):
    clean_folder(tmp_path)
    config = clean_config(tmp_path / "elsewhere")
    (config / "10_sylvie").rename(tmp_path / "10_moved")
    edited("10_sylvie", "10_moved")(config)
    assert found(config / "dataset.toml") == ["dir-missing"]
    monkeypatch.chdir(tmp_path)
    assert found(config / "dataset.toml") == []


def test_a_subset_overrides_its_dataset_and_that_the_general_part(tmp_path):
    clean_config(tmp_path)
    edited("[general]", "[general]\nnum_repeats = 0")(tmp_path)
    assert found(tmp_path) == []  # the only subset says 10
    with_subset('image_dir = "5_eileen"')(tmp_path)
    pair("5_eileen/eileen-01.png")(tmp_path)
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("resolution", "limit", "ids"),
    [(1024, "", ["bucket-trap"]), (1024, 2048, []), (1024, 1280, []), (768, "", []), (512, "", []), (1536, 1024, None)],
)
def test_the_trap_is_the_default_maximum_at_1024(tmp_path, resolution, limit, ids):
    clean_config(tmp_path)
    low = f"bucket_no_upscale = false\nresolution = {resolution}" + (f"\nmax_bucket_reso = {limit}" if limit else "")
    edited("bucket_no_upscale = true", low)(tmp_path)
    text = (tmp_path / "dataset.toml").read_text().replace("[[datasets]]\nresolution = 1024\n", "[[datasets]]\n")
    (tmp_path / "dataset.toml").write_text(text)
    assert found(tmp_path) == (["bucket-max"] if ids is None else ids)
