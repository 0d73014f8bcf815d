import pytest
import torch

from prep.errors import SettingsError, WeightsError
from prep.generators.sd35.family import LARGE, MEDIUM, TURBO, Family, check_size, family_of, size_for
from tests.sd35.make_checkpoint import COMMON, SIZES, original_shapes
from tests.support import reference, tiny
from tests.support.reference import hollow, save, tiny_tensors


def hollow_file(path, size: str):
    """A header of the published shapes over a file without blocks on the disk."""
    with torch.device("meta"):  # medium's positions alone would take ten seconds
        return hollow(path, original_shapes({**COMMON, **SIZES[size]}))


def test_published_models_are_told_by_shape_and_turbo_by_name(tmp_path):
    assert family_of(hollow_file(tmp_path / "sd3.5_medium.safetensors", "medium")) is MEDIUM
    large = hollow_file(tmp_path / "sd3.5_large.safetensors", "large")
    assert family_of(large) is LARGE
    assert family_of(large, "sd35-large-turbo-fp8") is TURBO
    large.rename(tmp_path / "my-Turbo.safetensors")
    assert family_of(tmp_path / "my-Turbo.safetensors") is TURBO
    assert (LARGE.steps, TURBO.steps, MEDIUM.steps) == (28, 4, 40)
    assert MEDIUM.skip_layers == (7, 8, 9) and not LARGE.skip_layers and TURBO.guidance <= 1


def test_mediums_skip_layer_guidance_is_the_published_one():
    assert (MEDIUM.skip_scale, MEDIUM.skip_start, MEDIUM.skip_stop, MEDIUM.guidance) == (2.5, 0.01, 0.20, 4.0)


@pytest.mark.parametrize(
    ("folder", "name", "wanted"),
    [
        ("turbo art/miku", "sd3.5_large.safetensors", LARGE),
        ("turbo", "sd3.5_large.safetensors", LARGE),
        ("models--stabilityai--stable-diffusion-3.5-large-turbo/snapshots/0a1b", "model.safetensors", TURBO),
        ("models--stabilityai--stable-diffusion-3.5-large/snapshots/turbo", "model.safetensors", LARGE),
        ("plain", "sd3.5_large_turbo.safetensors", TURBO),
    ],
)
def test_a_folder_called_turbo_above_a_file_makes_no_turbo(folder, name, wanted, tmp_path):
    path = tmp_path / folder / name
    path.parent.mkdir(parents=True)
    assert family_of(hollow_file(path, "large")) is wanted


def test_a_model_of_its_own_size_says_how_it_is_used(tmp_path):
    found = family_of(tiny.tiny_model(tmp_path))
    assert found == Family("tiny", 3, 3.0, 2.0, 64, 16, published=False)


def test_one_that_does_not_say_so_is_refused(tmp_path):
    path = reference.tiny_file(tmp_path, "fp8")
    with pytest.raises(WeightsError, match=r"does not say how to use it. Its metadata needs the key prep.sampl"):
        family_of(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"steps": "many"}',
             '{"steps": 0, "guidance": 3, "shift": 1, "resolution": 64, "step": 16}',
             '{"steps": 9, "guidance": 3, "shift": 1, "resolution": 8, "step": 16}',
             '{"steps": 9, "guidance": 3, "shift": 1, "resolution": 1e999, "step": 16}']
)  # fmt: skip
def test_unreadable_sampling_is_refused(text, tmp_path):
    path = save(tiny_tensors(), tmp_path / "own.safetensors", {"prep.sampling": text})
    with pytest.raises(WeightsError, match="not readable. Such as"):
        family_of(path)


def test_a_file_without_a_transformer_is_refused(tmp_path):
    path = save({"decoder.conv_in.weight": torch.zeros(4, 4, 3, 3)}, tmp_path / "vae.safetensors")
    with pytest.raises(WeightsError, match="holds no transformer, but vae"):
        family_of(path)


@pytest.mark.parametrize(
    ("parent", "resolution", "step", "wanted"),
    [
        ((1, 1), 1024, 64, (1024, 1024)),
        ((832, 1216), 1024, 64, (832, 1216)),
        ((3000, 2000), 1024, 64, (1216, 832)),
        ((100, 4000), 1024, 64, (512, 2048)),
        ((4000, 100), 1024, 64, (2048, 512)),
        ((1, 1), 128, 16, (128, 128)),
        ((512, 768), 128, 16, (96, 160)),
        ((768, 512), 128, 16, (160, 96)),
        ((9, 1), 64, 16, (128, 32)),
    ],
)
def test_the_bucket_nearest_in_aspect(parent, resolution, step, wanted):
    assert size_for(*parent, resolution, step) == wanted


@pytest.mark.parametrize(("resolution", "step"), [(1024, 64), (512, 64), (128, 16), (96, 16), (1000, 64), (144, 24)])
def test_every_size_is_within_what_the_model_was_trained_for(resolution, step):
    family = Family("any", 1, 1, 1, resolution, step)
    for width in range(1, 60):
        for height in range(1, 60):
            wide, high = size_for(width, height, resolution, step)
            assert wide % step == high % step == wide % 16 == high % 16 == 0
            assert wide * high <= resolution**2 and min(wide, high) * 2 >= resolution
            assert family.least_px <= min(wide, high) and max(wide, high) <= family.most_px
            assert (wide + family.unit_px) * high > resolution**2 or wide == family.most_px
            assert size_for(height, width, resolution, step) in ((high, wide), (wide, high))


def test_a_size_that_does_not_divide_names_the_nearest():
    check_size(1024, 16)
    with pytest.raises(SettingsError, match=r"divisible by 16. The nearest size is 1008 x 1024"):
        check_size(1010, 1024)
    with pytest.raises(SettingsError, match="16 x 16"):
        check_size(0, -3)
