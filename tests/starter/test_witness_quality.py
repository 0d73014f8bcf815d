"""The shipped starter witness holds what its card says, on a small fixed sample. Reads the art in examples/."""

import numpy as np
import pytest
import torch

from prep.errors import WeightsError
from prep.generators.sd35.vae import load_vae
from prep.options import Options
from prep.witnesses.starter import AREA_PX, StarterWitness, at_scale
from starter_training import damage
from starter_training.small import SIZES, choose, picture
from starter_training.train_generator import GENERATOR
from starter_training.train_witness import WITNESS, round_trip

SEED = 77  # training draws from (1, number)
NONE = np.empty((0, 1), np.float32)


@pytest.fixture(scope="module")
def witness():
    return StarterWitness("starter-witness", {"model": WITNESS}, Options())


@pytest.fixture(scope="module")
def sample():
    """(whole pictures, broken ones by kind), all through the starter's autoencoder."""
    vae, whole, broken = load_vae(GENERATOR, torch.bfloat16), [], {}
    for number in range(18):
        rng, size = np.random.default_rng((SEED, number)), SIZES[number % len(SIZES)]
        small, other = (picture(choose(rng), (SEED, number, at), size) for at in range(2))
        kind = [*damage.KINDS][number % len(damage.KINDS)]
        made, _ = damage.broken(small.image, small.face, kind, rng, other.image)
        whole.append(round_trip(vae, small.image[None])[0])
        broken.setdefault(kind, []).append(round_trip(vae, made[None])[0])
    return whole, broken


def accepted(witness, images) -> list[bool]:
    return [witness.accepts(witness.measure(witness.look(image), NONE)) for image in images]


def test_most_whole_pictures_pass_and_hardly_a_broken_one(witness, sample):
    whole, broken = sample
    assert sum(accepted(witness, whole)) >= 0.8 * len(whole)
    passed = {kind: sum(accepted(witness, images)) for kind, images in broken.items()}
    assert sum(passed.values()) <= 2, passed


def test_a_composite_that_is_larger_is_looked_at_at_its_own_scale(witness, sample):
    whole, _ = sample
    larger = [image.repeat(2, 0).repeat(2, 1) for image in whole]
    assert at_scale(larger[0]).shape == whole[0].shape and at_scale(whole[0]).tobytes() == whole[0].tobytes()
    height, width = at_scale(np.zeros((320, 470, 3), np.uint8)).shape[:2]
    assert height % 16 == width % 16 == 0 and abs(height * width / AREA_PX - 1) < 0.15
    assert sum(accepted(witness, larger)) >= 0.8 * len(larger)


def test_the_file_is_small_and_its_bound_is_in_it(witness):
    assert WITNESS.stat().st_size <= 2_100_000 and 0 < witness.bound < 1


@pytest.mark.parametrize("size", [(160, 160), (112, 224), (320, 200), (16, 16), (1, 900)])
def test_any_size_is_looked_at(witness, size):
    seen = witness.look(np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8))
    assert seen.shape == (1,) and 0 <= seen[0] <= 1


def test_weights_of_another_shape_are_a_sentence(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"cells.weight": torch.zeros(1)}, path, {"witness": "starter", "bound": "0.5"})
    with pytest.raises(WeightsError, match="does not fit the starter's witness"):
        StarterWitness("w", {"model": path}, Options()).look(np.zeros((160, 160, 3), np.uint8))
    save_file({"cells.weight": torch.zeros(1)}, path, {"witness": "starter", "bound": "much"})
    with pytest.raises(WeightsError, match="`bound` in its metadata"):
        StarterWitness("w", {"model": path}, Options())
