"""[generator.sd35] of the settings, and the same keys where 0.1.0 had them: in [generator]."""

import pytest

from prep.config import load_settings
from prep.errors import SettingsError
from prep.generators import GENERATORS
from prep.generators.sd35.options import PARTS, SD35Options
from prep.models.choose_models import option_files, options_of

OWN = """
vae = "parts/vae.safetensors"
clip_l = "parts/l.safetensors"
clip_g = "parts/g.safetensors"
t5 = "/elsewhere/t5.safetensors"
with_t5 = false
quantise = "blocks"
adaln_cache = true
offload = "group"
compile = true
fp8_products = true
"""


def options(config=None, *sets: str, name: str = "file") -> SD35Options:
    return options_of("generator", GENERATORS.spec(name), load_settings(config=config, sets=sets))


def written(tmp_path, text: str):
    path = tmp_path / "prep.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("section", ["generator", "generator.sd35"])
@pytest.mark.parametrize("name", ["file", "starter-generator", "sd35-large-fp8"])
def test_a_config_file_sets_them_in_either_section(section, name, tmp_path):
    found = options(written(tmp_path, f"[{section}]\n{OWN}"), name=name)
    assert found == SD35Options(
        vae=str(tmp_path / "parts" / "vae.safetensors"),
        clip_l=str(tmp_path / "parts" / "l.safetensors"),
        clip_g=str(tmp_path / "parts" / "g.safetensors"),
        t5="/elsewhere/t5.safetensors",
        with_t5=False,
        quantise="blocks",
        adaln_cache=True,
        offload="group",
        compile=True,
        fp8_products=True,
    )
    assert list(option_files(GENERATORS.spec(name), found)) == list(PARTS)


def test_old_keys_stand_beside_those_that_are_every_generators(tmp_path):
    text = '[generator]\ndevice = "cpu"\nbatch = 2\nresolution = 512\noffload = "group"\n[models]\noffline = true\n'
    wanted = SD35Options(device="cpu", batch=2, resolution=512, offload="group", offline=True)
    assert options(written(tmp_path, text)) == wanted


@pytest.mark.parametrize("section", ["generator", "generator.sd35"])
def test_set_sets_them_in_either_section(section):
    sets = [f"{section}.{line.strip()}" for line in OWN.strip().splitlines()]
    found = options(None, *sets)
    assert found == SD35Options(
        vae="parts/vae.safetensors",
        clip_l="parts/l.safetensors",
        clip_g="parts/g.safetensors",
        t5="/elsewhere/t5.safetensors",
        with_t5=False,
        quantise="blocks",
        adaln_cache=True,
        offload="group",
        compile=True,
        fp8_products=True,
    )


@pytest.mark.parametrize(("below", "above"), [("generator", "generator.sd35"), ("generator.sd35", "generator")])
def test_set_lies_over_a_file_whichever_spelling_each_has(below, above, tmp_path):
    path = written(tmp_path, f'[{below}]\nvae = "own.safetensors"\nquantise = "all"\n')
    found = options(path, f"{above}.quantise=none")
    assert (found.vae, found.quantise) == (str(tmp_path / "own.safetensors"), "none")


def test_within_a_file_the_new_spelling_counts(tmp_path):
    path = written(tmp_path, '[generator]\nquantise = "all"\noffload = "group"\n[generator.sd35]\nquantise = "none"\n')
    assert (options(path).quantise, options(path).offload) == ("none", "group")


@pytest.mark.parametrize("key", ["device = 'cpu'", "batch = 2", "resolution = 512"])
def test_a_key_of_every_generator_is_refused_among_sd35s_own(key, tmp_path):
    name = key.split()[0]
    path = written(tmp_path, f"[generator.sd35]\n{key}\n")
    with pytest.raises(SettingsError) as error:
        load_settings(config=path)
    assert str(error.value) == f"{path}: `{name}` belongs to [generator], not to [generator.sd35]."
    with pytest.raises(SettingsError, match=rf"--set .*: `{name}` belongs to \[generator\], not to \[generator.sd35\]"):
        load_settings(sets=(f"generator.sd35.{key.replace(' ', '')}",))


@pytest.mark.parametrize("key", ["model = 'starter'", "steps = 9", "sampler = 'heun'", "negative = 'blurry'"])
def test_so_is_one_that_no_generator_is_made_with(key, tmp_path):
    with pytest.raises(SettingsError, match=rf"prep.toml: `{key.split()[0]}` belongs to \[generator\]"):
        load_settings(config=written(tmp_path, f"[generator.sd35]\n{key}\n"))


def test_a_wrong_value_is_told_with_its_new_name_and_a_wrong_key_with_the_nearest(tmp_path):
    with pytest.raises(SettingsError, match="`generator.sd35.quantise` is 'most'; expected 'stored', 'all'"):
        load_settings(config=written(tmp_path, '[generator]\nquantise = "most"\n'))
    with pytest.raises(SettingsError, match="`generator.sd35.ofload` is unknown. Did you mean `offload`"):
        load_settings(sets=("generator.sd35.ofload=group",))
