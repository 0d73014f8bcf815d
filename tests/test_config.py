"""Settings: checked before anything is touched, wrong ones named with their file, their key and the nearest name."""

import os
import tomllib
from collections.abc import Iterator

import pytest

from prep.captioners.llm import LlmOptions
from prep.config import configs_folder, load_settings, recipe
from prep.errors import SettingsError, UsageError
from prep.generators.remote import RemoteOptions as RemoteGeneratorOptions
from prep.generators.sd35.options import SD35Options
from prep.options import CaptionerOptions, GeneratorOptions, TaggerOptions
from prep.pipeline.asked import check_settings
from prep.sections import CharacterSettings, Settings
from prep.taggers.remote import RemoteOptions as RemoteTaggerOptions


def told(call, *arguments, **options) -> str:
    with pytest.raises(SettingsError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def config(tmp_path, text: str):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_default_toml_is_complete_and_says_the_defaults():
    values = tomllib.loads((configs_folder() / "default.toml").read_text())
    sections = (
        ("tagger", "a1111", RemoteTaggerOptions, TaggerOptions),
        ("generator", "sd35", SD35Options, GeneratorOptions),
        ("generator", "a1111", RemoteGeneratorOptions, GeneratorOptions),
        ("captioner", "llm", LlmOptions, CaptionerOptions),
    )
    for role, section, model, common in sections:
        given = values[role].pop(section)
        assert given == model().model_dump(mode="json", exclude={*common.model_fields})
    hidden = {"characters": True, "tagger": {"options"}, "generator": {"options"}, "captioner": {"options"}}
    # Written out only if they differ:
    assert values["captions"].pop("for") == Settings().captions.for_ == ""
    assert values["tagger"].pop("backend") == Settings().tagger.backend
    assert values["captions"].pop("readers") == Settings().captions.readers
    assert values == Settings().model_dump(mode="json", exclude=hidden)


@pytest.mark.parametrize("path", sorted(configs_folder().glob("*.toml")), ids=lambda path: path.name)
def test_every_file_in_configs_loads(path):
    assert load_settings(config=path).captions.max_tags >= 1


def test_every_key_of_default_toml_has_a_comment():
    for line in (configs_folder() / "default.toml").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line.split("=", 1)[1], line


def test_layers_lie_over_one_another(tmp_path):
    (tmp_path / "prep.toml").write_text("[thresholds]\nsimple = 0.1\nmedium = 0.1\ncomplex = 0.1\n")
    above = config(tmp_path, "[thresholds]\nmedium = 0.2\ncomplex = 0.2\n")
    settings = load_settings(tmp_path, above, ("thresholds.complex=0.3",))
    assert (settings.thresholds.simple, settings.thresholds.medium, settings.thresholds.complex) == (0.1, 0.2, 0.3)


def test_the_sets_own_file_lies_between_srcs_and_the_config(tmp_path):
    src, out = tmp_path / "src", tmp_path / "out"
    for folder in (src, out):
        folder.mkdir()
    (src / "prep.toml").write_text(
        '[captions]\nmax_tags = 5\norder = "alphabetical"\n[characters.mira]\ntrigger = "m"\n'
    )
    (out / "settings.toml").write_text("[captions]\nmax_tags = 6\n[characters.mira]\nkeep = ['hat']\n")
    found = load_settings(src, out=out)
    assert (found.captions.max_tags, found.captions.order) == (6, "alphabetical")
    assert (found.characters["mira"].trigger, found.characters["mira"].keep) == ("m", ["hat"])
    assert load_settings(src, config(tmp_path, "[captions]\nmax_tags = 7\n"), out=out).captions.max_tags == 7
    (out / "settings.toml").write_text('[filter]\nfile = "../secret.txt"\n')
    assert "settings.toml: `filter.file` names a file outside its folder" in told(load_settings, src, None, (), out)


def test_an_unknown_key_ends_with_the_nearest_name(tmp_path):
    message = told(load_settings, config=config(tmp_path, "[thresholds]\nmedum = 0.4\n"))
    assert "run.toml" in message and "`thresholds.medum` is unknown. Did you mean `medium`?" in message


def test_an_unknown_section_too(tmp_path):
    assert "Did you mean `captions`?" in told(load_settings, config=config(tmp_path, "[caption]\nmax_tags = 3\n"))
    path = config(tmp_path, '[characters.mira]\ntriger = "m"\n')
    assert "`characters.mira.triger` is unknown. Did you mean `trigger`?" in told(load_settings, config=path)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[captions]\nmax_tags = 4.5", "captions.max_tags"),
        ('[thresholds]\nfixed = "0.4"', "thresholds.fixed"),
        ("[thresholds]\nfixed = 1.4", "thresholds.fixed"),
        ('[captions]\norder = "random"', "captions.order"),
        ("captions = 3", "captions"),
        ("[captions]\noverlap = 1", "captions.overlap"),
    ],
)
def test_a_wrong_value_names_its_file_and_key(tmp_path, text, key):
    message = told(load_settings, config=config(tmp_path, text))
    assert "run.toml" in message and f"`{key}`" in message


@pytest.mark.parametrize("text", ["not toml", "[a", "\udcff"])
def test_what_is_not_toml_is_a_sentence(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "run.toml" in told(load_settings, config=path)
    assert "does not exist" in told(load_settings, config=tmp_path / "none.toml")


def test_set_takes_toml_values_and_plain_words():
    settings = load_settings(
        sets=(
            "captions.order=alphabetical",
            "captions.max_tags=7",
            "captions.overlap=false",
            "characters.mira.keep=['a']",
        )
    )
    assert (settings.captions.order, settings.captions.max_tags, settings.captions.overlap) == (
        "alphabetical",
        7,
        False,
    )
    assert settings.characters["mira"].keep == ["a"]


@pytest.mark.parametrize("text", ["captions", "captions.max_tags", "max_tags=3", "=3", "captions..x=1"])
def test_a_malformed_set_says_the_form(text):
    assert f"--set {text}" in told(load_settings, sets=(text,))


def test_set_names_the_nearest_key():
    assert "Did you mean `max_tags`?" in told(load_settings, sets=("captions.max_tag=3",))


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("captions.trigger", "Did you mean `characters.NAME.trigger`?"),
        ("captions.min_side_px", "Did you mean `scan.min_side_px`?"),
        ("captions.min_side", "Did you mean `scan.min_side_px`?"),
        ("scan.resolution", "Did you mean `generator.resolution` or `export.resolution`?"),
        ("captions.model", "Did you mean `tagger.model`, `captioner.model` or `generator.model`?"),
        ("tagger.threshold", "`thresholds.fixed = 0.4`"),
        ("thresholds.threshold", "`thresholds.fixed = 0.4`"),
        ("captions.trigger_word", "`characters.NAME.trigger`"),
        ("export.class_tokens", "`characters.NAME.trigger`"),
        ("export.repeats", "`export.images_per_epoch`"),
        ("export.num_repeats", "`export.images_per_epoch`"),
        ("captions.keep_tokens", "that is a setting of the trainer"),
        ("captions.blacklist", "`filter.file`"),
        ("characters.mira.negative_prompt", "`generator.negative`"),
        ("captions.max_tag", "Did you mean `max_tags`?"),
        ("captions.oder", "Did you mean `order`?"),
        ("generator.ofload", "Did you mean `offload`?"),
        ("generator.vea", "Did you mean `vae`?"),
        ("reconstruct.zzz", "Known: per_character"),
        ("generator.sd35.steps", "`steps` belongs to [generator], not to [generator.sd35]"),
    ],
)
def test_a_name_that_a_section_has_not_leads_to_where_it_is(tmp_path, key, says):
    """With --set, in --config and in SRC's own file alike."""
    section, _, name = key.rpartition(".")
    text = f"[{section}]\n{name} = 3\n"
    (tmp_path / "prep.toml").write_text(text)
    for call in (
        lambda: load_settings(sets=(f"{key}=3",)),
        lambda: load_settings(config=config(tmp_path, text)),
        lambda: load_settings(tmp_path),
    ):
        assert says in told(call)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("trigger = 'x'", "Did you mean `characters.NAME.trigger`?"),
        ("threshold = 0.4", "`thresholds.fixed = 0.4`"),
        ("model = 'starter'", "`captioner.model` or `generator.model`"),
        ("repeats = 3", "`export.images_per_epoch`"),
    ],
)
def test_a_key_outside_all_sections_too(tmp_path, line, says):
    assert says in told(load_settings, config=config(tmp_path, line))
    assert says in told(load_settings, sets=(line.replace(" ", "").replace("'", ""),))


def test_a_wrong_section_is_taken_for_the_nearest_section(tmp_path):
    assert "Did you mean `thresholds`?" in told(load_settings, config=config(tmp_path, "[threshold]\nfixed = 1.0\n"))
    assert "expected a table, such as [captions]" in told(load_settings, config=config(tmp_path, "captions = 3"))
    message = told(load_settings, config=config(tmp_path, "[sylvie]\nadd = []\n"))
    assert "`sylvie` is unknown. A character's table is [characters.NAME]. Known: augmentation, captioner" in message


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("generator.resolution=1000", "`generator.resolution` is 1000; expected a multiple of 16, such as 992 or 1008"),
        ("characters.mira.trigger='x, y'", "keep_tokens = 1 would protect only `x`"),
        ('characters.mira.trigger="x\\ny"', "a word on one line"),
        ("characters.mira.trigger=' '", "a word on one line"),
        ("characters.mira.add=['a, b']", "one tag without a comma"),
        (f"captions.max_tags={'[' * 50_000}", "`captions.max_tags` is '[[["),
        (f"captions.max_tags={'9' * 9_000}", "`captions.max_tags` is"),
        (f"thresholds.tags.{'x' * 9_000}=2", "...` is 2; expected a number from 0 to 1"),
    ],
)
def test_a_value_that_no_setting_has_says_what_would_do(setting, says):
    message = told(load_settings, sets=(setting,))
    assert says in message and len(message) < 500


THREE = {"simple": 0.6, "medium": 0.6, "complex": 0.6}


@pytest.mark.parametrize(
    ("setting", "tags"),
    [
        ("smile=0.6", {"smile": THREE}),
        ("hat (red)=0.6", {"hat_(red)": THREE}),
        ('"Long hair"=0.6', {"long_hair": THREE}),
        ("smile.simple=1", {"smile": {"simple": 1.0}}),
        ('"long hair".complex=0.5', {"long_hair": {"complex": 0.5}}),
        ("smile={simple = 0.6, medium = 0.5}", {"smile": {"simple": 0.6, "medium": 0.5}}),
        ("smile={}", {}),
    ],
)
def test_set_gives_a_tag_a_threshold_of_its_own(setting, tags):
    assert load_settings(sets=(f"thresholds.tags.{setting}",)).thresholds.tags == tags


def test_a_tag_is_one_tag_in_every_layer_however_it_is_spelled(tmp_path):
    """A higher layer with a threshold for one level leaves the others."""
    (tmp_path / "prep.toml").write_text('[thresholds.tags]\n"long hair" = 0.6\nsmile = { simple = 0.3 }\n')
    above = config(tmp_path, "[thresholds.tags]\nLong_Hair = { medium = 0.5 }\nsmile = 0.6\n")
    found = load_settings(tmp_path, above).thresholds.tags
    assert found == {"long_hair": THREE | {"medium": 0.5}, "smile": THREE}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("smile = 1.5", "`thresholds.tags.smile` is 1.5; expected a number from 0 to 1, or a table by level, such as"),
        ("smile = true", "is True; expected a number from 0 to 1"),
        ("smile = nan", "is nan; expected a number from 0 to 1"),
        ("smile = 'high'", "is 'high'; expected a number from 0 to 1"),
        ("smile = { simpel = 0.5 }", "is {'simpel': 0.5}; expected a number from 0 to 1, or a table by level"),
        ("smile = { simple = 2 }", "is {'simple': 2}; expected a number from 0 to 1, or a table by level"),
        ("'a, b' = 0.5", "`thresholds.tags` has the tag 'a, b'; expected one tag without a comma"),
        ("' ' = 0.5", "`thresholds.tags` has the tag ' '; expected a tag, such as"),
        ("'long hair' = 0.5\nlong_hair = 0.5", "has one tag twice: 'long hair' and 'long_hair'"),
    ],
)
def test_a_wrong_threshold_of_a_tag_says_what_was_found_and_wanted(tmp_path, line, says):
    message = told(load_settings, config=config(tmp_path, f"[thresholds.tags]\n{line}\n"))
    assert says in message and "run.toml" in message


@pytest.mark.parametrize("value", ["3", "['smile']"])
def test_a_table_of_tables_is_asked_for_as_a_table(value):
    message = told(load_settings, sets=(f"thresholds.tags={value}",))
    assert "expected a table, such as [thresholds.tags]" in message


def test_the_commented_thresholds_of_default_toml_load(tmp_path):
    lines = (configs_folder() / "default.toml").read_text().splitlines()
    at = lines.index("# [thresholds.tags]")
    text = "\n".join(line.removeprefix("# ") for line in lines[at : lines.index("", at)])
    found = load_settings(config=config(tmp_path, text)).thresholds.tags
    assert found == {"smile": THREE, "long_hair": {"simple": 0.6, "medium": 0.5}}


def test_later_settings_are_left_out_of_recipes_at_their_default_alone():
    """Sets from before they came keep their captions."""
    plain, more = load_settings(), load_settings(sets=("thresholds.character=0.7", "captions.also=['meta']"))
    assert "character" not in plain.thresholds.model_dump() and "also" not in plain.captions.model_dump()
    assert more.thresholds.model_dump()["character"] == 0.7 and more.captions.model_dump()["also"] == ["meta"]


def test_a_later_setting_goes_back_to_its_default_in_a_layer_above(tmp_path):
    below = config(tmp_path, "[thresholds]\ncharacter = 0.7\n[captions]\nalso = ['meta']\n")
    found = load_settings(config=below, sets=("thresholds.character=0", "captions.also=[]"))
    assert found.thresholds.character == 0 and found.captions.also == []


@pytest.mark.parametrize("key", ["a." * 50_000 + "b", "." * 50_000, "captions.max_tags.x.y.z"])
def test_a_key_with_many_dots_is_refused_as_it_is_read(key):
    message = told(load_settings, sets=(f"{key}=1",))
    assert "expected section.key=value" in message and len(message) < 300


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    sets = ("filter.file=~/mine.txt", "generator.sd35.vae=~/vae.safetensors", "tagger.model=~/x.pt")
    typed = load_settings(sets=sets)
    above = config(
        tmp_path, '[filter]\nfile = "~/mine.txt"\n[tagger]\nmodel = "~/x.pt"\n[generator]\nvae = "~/vae.safetensors"'
    )
    for settings in (typed, load_settings(config=above)):
        assert settings.filter.file == str(tmp_path / "mine.txt")
        assert settings.generator.options["sd35"]["vae"] == str(tmp_path / "vae.safetensors")
        assert settings.tagger.model == str(tmp_path / "x.pt")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "prep.toml").write_text('[filter]\nfile = "~/mine.txt"\n')
    assert "outside its folder" in told(load_settings, tmp_path / "src")


def test_a_variable_of_the_environment_is_not_read_and_said(tmp_path):
    message = told(load_settings, sets=("filter.file=$HOME/mine.txt",))
    assert (
        "`filter.file`: $HOME/mine.txt does not exist, and prep does not expand environment variables such as $HOME"
        in message
    )
    assert "begins with an unknown user" in told(load_settings, sets=("filter.file=~nobody-at-all/x",))
    (tmp_path / "$5.txt").write_text("")
    assert load_settings(config=config(tmp_path, '[filter]\nfile = "$5.txt"')).filter.file.endswith("/$5.txt")


def test_the_files_that_ship_are_found_wherever_prep_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings().filter.file == str(configs_folder() / "filter.txt")


def test_a_config_names_files_relative_to_itself(tmp_path):
    path = config(tmp_path, '[filter]\nfile = "mine.txt"\n')
    assert load_settings(config=path).filter.file == str(tmp_path / "mine.txt")


def test_srcs_own_file_may_not_lead_out_of_src(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "prep.toml").write_text('[filter]\nfile = "../secret.txt"\n')
    assert "outside its folder" in told(load_settings, tmp_path / "src")
    (tmp_path / "src" / "prep.toml").write_text('[filter]\nfile = "mine.txt"\n')
    assert load_settings(tmp_path / "src").filter.file.endswith("src/mine.txt")


def test_a_recipe_depends_on_content_alone():
    one = recipe("tag", Settings().captions, {"b": 1, "a": 2})
    assert one == recipe("tag", Settings().captions, {"a": 2, "b": 1}) and len(one) == 16
    assert one != recipe("tag", load_settings(sets=("captions.max_tags=3",)).captions, {"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("generator.options=3", "`generator.options` is not a table of tables"),
        ("generator.options.sd35=3", "`generator.options` is not a table of tables"),
        ("generator.sd35-medium.offload=model", "`generator.sd35-medium` is unknown. Did you mean `sd35`?"),
        ("generator.file.offload=model", "`generator.file` is unknown"),
        ("generator.sd35.resolution=512", "`resolution` belongs to [generator]"),
        ("generator.sd35=x", "generator.sd35"),
    ],
)
def test_a_section_of_a_model_that_would_not_be_read_is_refused(setting, says):
    assert says in told(load_settings, sets=(setting,))


def every_setting() -> Iterator[tuple[str, object]]:
    """(its name, the annotation with its checks), those of SD3.5 and of a character among them."""
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name != "characters"}
    for section, model in {**sections, "characters.mira": CharacterSettings, "generator.sd35": SD35Options}.items():
        common = GeneratorOptions.model_fields if model is SD35Options else {"options"}
        for key, field in model.model_fields.items():
            if key not in common:
                yield f"{section}.{key}", field


NUMBERS = [(name, field.annotation) for name, field in every_setting() if field.annotation in (int, float)]
TEXTS = [name for name, field in every_setting() if field.annotation is str or field.annotation == str | None]
LISTS = [name for name, field in every_setting() if "list" in str(field.annotation)]


def test_every_setting_with_a_number_text_or_list_is_among_those_that_are_tried():
    assert len(NUMBERS) > 25 and len(TEXTS) > 12 and len(LISTS) == 10


@pytest.mark.parametrize(("name", "kind"), NUMBERS)
def test_every_number_has_two_ends(name, kind):
    for value in (10**15, -1, *(() if kind is int else ("nan", "inf", "-inf"))):
        message = told(load_settings, sets=(f"{name}={value}",))
        assert message.startswith(f"--set {name}={value}: `{name}` is {value}; expected a ") and " from " in message


@pytest.mark.parametrize("name", [*TEXTS, *LISTS])
@pytest.mark.parametrize("letter", ["\\u0000", "\\u001b", "\\n"])
def test_no_text_has_a_control_character(name, letter):
    value = f'["a{letter}b"]' if name in LISTS else f'"/a{letter}b"'
    assert f"`{name}" in told(load_settings, sets=(f"{name}={value}",))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("augmentation.vary=['']", "`augmentation.vary` is ['']; expected text in quotes"),
        ("augmentation.vary=''", "`augmentation.vary` is ''; expected the name of a file; without this line"),
        ("check.exclusive=' '", "`check.exclusive` is ' '; expected the name of a file"),
        ("filter.file=' '", "`filter.file` is ' ', which no file is called. Name a file"),
        ("tagger.model=''", "`tagger.model` is ''; expected the name of a model, or the path of its file"),
        ("characters.mira.trigger=''", "`characters.mira.trigger` is ''; expected a word on one line"),
        ("characters.mira.keep=['']", "`characters.mira.keep.0` is ''; expected a tag"),
        ("characters.mira.add=[' ']", "`characters.mira.add.0` is ' '; expected a tag"),
        ("captions.overlap=1", "`captions.overlap` is 1; expected true or false"),
        ("captions.max_tags='x'", "`captions.max_tags` is 'x'; expected a whole number"),
        ("characters.mira.keep='x'", "`characters.mira.keep` is 'x'; expected a list, such as"),
    ],
)
def test_a_blank_or_a_value_of_another_kind_says_what_would_do(setting, says):
    assert says in told(load_settings, sets=(setting,))


PATHS = ["thresholds.overrides", "filter.file", "profile.intrinsic", "augmentation.vary", "check.exclusive",
         "export.kohya", "tagger.model", "generator.model", "generator.sd35.vae", "generator.sd35.clip_l",
         "generator.sd35.clip_g", "generator.sd35.t5"]  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_no_file_has_is_named_with_its_section(name, tmp_path):
    (tmp_path / "src").mkdir()
    section, _, key = name.rpartition(".")
    (tmp_path / "src" / "prep.toml").write_text(f"[{section}]\n{key} = '../out/of/src'\n")
    assert f"prep.toml: `{name}` names a file outside its folder: /" in told(load_settings, tmp_path / "src")
    for path in ("~nobody-at-all/x", "$HOME/x"):
        assert f"`{name}`: {path} " in told(load_settings, sets=(f"{name}={path}",))


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("kind", ["missing", "long", "folder", "pipe", "link", "binary", "text"])
def test_whatever_a_setting_names_its_error_begins_with_section_and_name(name, kind, tmp_path):
    path = tmp_path / "named"
    match kind:
        case "long":
            path = path / ("x" * 300)
        case "folder":
            path.mkdir()
            (path / "x").write_text("")
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(path)
        case "binary":
            path.write_bytes(b"\x00\x01\xff" * 50)
        case "text":
            path.write_text("a\x01b = [3\n")
    if name == "export.kohya" and kind == "missing":
        return  # it would be made
    (tmp_path / "src").mkdir()
    settings = load_settings(sets=("tagger.model=starter", "generator.model=none", f"{name}={path}"))
    with pytest.raises(UsageError) as caught:
        check_settings(settings, tmp_path / "out", tmp_path / "src")
    assert str(caught.value).startswith(f"{name}") and "named" in str(caught.value)
    assert caught.value.hint and "\n" not in str(caught.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("filter.file", "smile\nha\x07t\n"),
        ("filter.file", "smile\n!\n"),
        ("profile.intrinsic", "ha\x00ir\n"),
        ("check.exclusive", '[character]\nhair = ["", "red_hair"]\n'),
        ("check.exclusive", '[picture]\neyes = ["closed\\u001b_eyes"]\n'),
        ("check.exclusive", "[other]\n"),
        ("augmentation.vary", '[mouth]\noptions = [[" "]]\n'),
        ("augmentation.vary", '[mouth]\noptions = [["smi\\u0000le"]]\n'),
        ("augmentation.vary", "[mouth]\noptions = 3\n"),
        ("thresholds.overrides", '"" = 0.5\n'),
        ("thresholds.overrides", "smile = true\n"),
    ],
)
def test_a_tag_in_a_list_is_neither_blank_nor_has_a_control_character(name, text, tmp_path):
    path = tmp_path / "named"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        check_settings(load_settings(sets=(f"{name}={path}", "tagger.model=starter", "generator.model=none")))
    assert str(caught.value).startswith(f"{name}: {path}") and str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["Lucy Q. (VN)", "a.b.c.d.e"])
def test_a_name_with_dots_is_told_to_be_quoted_and_works_so(name):
    with pytest.raises(SettingsError, match="a name with dots needs quotes") as told:
        load_settings(None, None, (f"characters.{name}.trigger=x",))
    assert told.value.hint == f"--set 'characters.\"{name}\".trigger=...'"
    assert load_settings(None, None, (f'characters."{name}".trigger=x',)).characters[name].trigger == "x"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("characters.Dr. X.variants.maid.trigger", 'characters."Dr. X".variants."maid".trigger'),
        ("characters.mira.variants.v1.5.trigger", 'characters."mira".variants."v1.5".trigger'),
    ],
)
def test_a_variants_name_with_dots_is_told_to_be_quoted_and_works_so(key, says):
    with pytest.raises(SettingsError, match="a name with dots needs quotes") as told:
        load_settings(None, None, (f"{key}=x",))
    assert told.value.hint == f"--set '{says}=...'"
    ((_, own),) = load_settings(None, None, (f"{says}=x",)).characters.items()
    assert [each.trigger for each in own.variants.values()] == ["x"]


def test_an_unknown_key_of_a_variant_and_a_variant_in_the_wrong_place_say_what_to_write(tmp_path):
    assert "Did you mean `trigger`?" in told(load_settings, sets=("characters.mira.variants.maid.tigger=x",))
    message = told(load_settings, sets=("characters.mira.variants.maid.zzz=x",))
    assert message.endswith("Known: add, drop, keep, remove, traits, trigger.")
    message = told(load_settings, config=config(tmp_path, "[characters.mira.maid]\ntrigger = 'x'\n"))
    assert "A variant's table is [characters.mira.variants.maid]" in message
