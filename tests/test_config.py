"""Settings: checked before anything is touched, wrong ones named with their file, their key and the nearest name."""

import tomllib

import pytest

from prep.config import Settings, check_characters, configs_folder, load_settings, recipe
from prep.errors import SettingsError
from prep.generators.sd35.options import SD35Options
from prep.options import GeneratorOptions


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
    sd35 = values["generator"].pop("sd35")
    common = set(GeneratorOptions.model_fields)
    assert sd35 == SD35Options().model_dump(mode="json", exclude=common)
    hidden = {"characters": True, "tagger": {"options"}, "generator": {"options"}}
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


def test_the_files_that_ship_are_found_wherever_prep_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings().filter.file == str(configs_folder() / "filter.txt")


def test_a_config_names_files_relative_to_itself(tmp_path):
    path = config(tmp_path, '[filter]\nfile = "mine.txt"\n')
    assert load_settings(config=path).filter.file == str(tmp_path / "mine.txt")


def test_srcs_own_file_may_not_lead_out_of_src(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "prep.toml").write_text('[filter]\nfile = "../secret.txt"\n')
    assert "outside the image folder" in told(load_settings, tmp_path / "src")
    (tmp_path / "src" / "prep.toml").write_text('[filter]\nfile = "mine.txt"\n')
    assert load_settings(tmp_path / "src").filter.file.endswith("src/mine.txt")


def test_a_character_that_src_does_not_have(tmp_path):
    settings = load_settings(sets=("characters.mria.trigger=x",))
    assert "Did you mean `mira`?" in told(check_characters, settings, ["mira", "noa"])


def test_a_recipe_depends_on_content_alone():
    one = recipe("tag", Settings().captions, {"b": 1, "a": 2})
    assert one == recipe("tag", Settings().captions, {"a": 2, "b": 1}) and len(one) == 16
    assert one != recipe("tag", load_settings(sets=("captions.max_tags=3",)).captions, {"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("generator.options=3", "`generator.options` is no table of tables"),
        ("generator.options.sd35=3", "`generator.options` is no table of tables"),
        ("generator.sd35-medium.offload=model", "`generator.sd35-medium` is unknown. Did you mean `sd35`?"),
        ("generator.file.offload=model", "`generator.file` is unknown"),
        ("generator.sd35.resolution=512", "`resolution` belongs to [generator]"),
        ("generator.sd35=x", "generator.sd35"),
    ],
)
def test_a_section_of_a_model_that_would_not_be_read_is_refused(setting, says):
    assert says in told(load_settings, sets=(setting,))
