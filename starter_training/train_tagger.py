"""Trains the starter tagger: `python -m starter_training.train_tagger`. From a clone, on the art in examples/.

The shipped network has no normalisation. It is trained with standardised weights (mean 0, fixed variance, one gain a
channel), which are a plain convolution's once training ends: nothing to fold, and on a CPU half the cost of batch norm.
"""

import argparse
import itertools
import json
import math
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from prep.taggers._checkpoint import read_checkpoint, write_checkpoint
from prep.taggers._fit import fit_square
from prep.taggers._params import ResNetParams, Stage
from prep.taggers._resnet import ResNet
from starter_training import art
from starter_training.sampling import sample, training_pool, worn

TAGGER = Path(__file__).parents[1] / "prep" / "starter" / "tagger.safetensors"
IMAGE_PX = 288  # a multiple of 32: a stem of stride 4 and three halvings
STAGES = (Stage(24, 64, 1), Stage(48, 160, 2), Stage(96, 320, 3), Stage(176, 640, 2))
SEED = 1


@dataclass(frozen=True)
class Lesson:
    name: str
    side_px: int  # of the square; the network has no size of its own
    sizes_px: tuple[int, int]  # longer side of a picture, before it is brought into the square
    near: float  # share of pictures that a face fills
    drawn_mouths: float
    pictures: int
    epochs: int


# Faces first, small and alone: a mouth in a whole picture is one part in a thousand of what the network averages over,
# and is not found there in the time that this takes. Once known, it is found.
LESSONS = (
    Lesson("faces", 128, (64, 256), near=1.0, drawn_mouths=0.5, pictures=10000, epochs=8),
    Lesson("pictures", IMAGE_PX, (128, 640), near=0.2, drawn_mouths=0.3, pictures=13000, epochs=6),
)


class Standardised(nn.Module):
    """A convolution's weight as gain * (weight - mean) / deviation, by output channel (Brock et al., 2021)."""

    def __init__(self, weight: Tensor, gain: float | Tensor) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(weight.shape[0], 1, 1, 1) * gain)

    def forward(self, weight: Tensor) -> Tensor:
        return self.gain * (weight - weight.mean((1, 2, 3), keepdim=True)) / _deviation(weight)


def _deviation(weight: Tensor) -> Tensor:
    """By output channel, times the root of the fan-in; 1.71 is what a ReLU takes from the deviation."""
    variance = weight.var((1, 2, 3), keepdim=True)
    return (variance * weight[0].numel() + 1e-4).sqrt() / 1.71


def trainable(params: ResNetParams, state: dict[str, Tensor] | None = None) -> ResNet:
    """A new network, or one that answers as this state does."""
    network = ResNet(params)
    if state:
        network.load_state_dict({name: value.float() for name, value in state.items()})
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and name != "head":
            # Blocks begin as little more than their shortcut: without normalisation a network starts shallow.
            gain = _deviation(module.weight.detach()) if state else 0.2 if name.endswith("expand") else 1.0
            parametrize.register_parametrization(module, "weight", Standardised(module.weight, gain))
            if not state:
                nn.init.zeros_(module.bias)
    if not state:
        nn.init.normal_(network.head.weight, std=0.01)
    return network.to(memory_format=torch.channels_last)


def plain(network: ResNet) -> dict[str, Tensor]:
    """float16 tensors under ResNet's own names."""
    state = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            state[f"{name}.weight"] = module.weight.detach().half()
            if module.bias is not None:
                state[f"{name}.bias"] = module.bias.detach().half()
    return state


def draw(lesson: Lesson, index: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [side_px, side_px, 3], and int8 [tags]: 1 true, 0 false, -1 open."""
    cv2.setNumThreads(1)  # one process a core already
    pool = replace(training_pool(), near=lesson.near, drawn_mouths=lesson.drawn_mouths)
    seed = (SEED, lesson.side_px, index)
    picture = worn(sample(pool, seed, lesson.sizes_px), np.random.default_rng((*seed, 1)))
    truth = [-1 if tag in picture.unsure else int(tag in picture.tags) for tag in art.vocabulary()]
    return (fit_square(picture.image, lesson.side_px) * 255).round().astype(np.uint8), np.array(truth, np.int8)


def pictures(lesson: Lesson, workers: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, side_px, side_px, 3], and int8 [N, tags]. Kept in folder, so that a second training, or one with more
    pictures, draws no picture twice."""
    images_path, truth_path = folder / f"{lesson.name}.u8", folder / f"{lesson.name}-truth.i8"
    shape = (lesson.side_px, lesson.side_px, 3)
    have = truth_path.stat().st_size // len(art.vocabulary()) if truth_path.exists() else 0
    if have < lesson.pictures:
        with (
            multiprocessing.Pool(workers) as pool,
            images_path.open("r+b" if have else "wb") as images,
            truth_path.open("ab") as truth,
        ):
            images.seek(have * math.prod(shape))
            for image, row in pool.imap(partial(draw, lesson), range(have, lesson.pictures), chunksize=32):
                images.write(image.tobytes())
                truth.write(row.tobytes())
    images = np.memmap(images_path, np.uint8, "r", shape=(lesson.pictures, *shape))
    truth = np.fromfile(truth_path, np.int8).reshape(-1, len(art.vocabulary()))[: lesson.pictures]
    return images, truth


def loss_of(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy over the tags that are not open. A tag's weight is the same where it is true and where it
    is not, so that scores stay probabilities."""
    weight = weight * (truth >= 0)
    each = F.binary_cross_entropy_with_logits(logits.float(), truth.clamp(min=0).float(), reduction="none")
    return (each * weight).sum() / weight.sum()


def tag_weights() -> Tensor:
    """float32 [tags]: what a few pixels decide counts more, or it would be learnt last."""
    mouth = {"smile", "open_mouth", "closed_mouth", "grin", ":o", "frown"}
    weights = {tag: 2.0 for tag in art.vocabulary() if tag.endswith("_eyes")} | dict.fromkeys(mouth, 6.0)
    return torch.tensor([weights.get(tag, 1.0) for tag in art.vocabulary()])


def train(
    images: np.ndarray,
    truth: np.ndarray,
    epochs: int,
    batch_size: int,
    rate: float,
    state: dict[str, Tensor] | None,
    latest: Path,
) -> ResNet:
    """The running average of the network's weights; as it stands every 50 steps, also in the file `latest`."""
    torch.manual_seed(SEED)
    weights = tag_weights()
    network = trainable(ResNetParams(24, STAGES, truth.shape[1]), state)
    decayed = [value for value in network.parameters() if value.ndim == 4 and value.shape[1] > 1]
    others = [value for value in network.parameters() if not (value.ndim == 4 and value.shape[1] > 1)]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    steps, losses, began = epochs * (len(images) // batch_size), [], time.monotonic()
    for step, (batch, wanted) in enumerate(_batches(images, truth, epochs, batch_size)):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network.logits(batch)
        loss = loss_of(logits, wanted, weights)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(network)
        losses.append(loss.item())
        if step % 50 == 49:
            seconds = time.monotonic() - began
            save(average.module, latest)
            print(f"step {step + 1}/{steps}: loss {np.mean(losses[-50:]):.4f}, {seconds:.0f} s", flush=True)
    return average.module


def save(network: ResNet, path: Path) -> None:
    beside = path.with_suffix(".partial")
    write_checkpoint(beside, plain(network), art.vocabulary(), IMAGE_PX)
    beside.chmod(0o644)  # safetensors makes files that only their owner can read
    beside.replace(path)


def _batches(images: np.ndarray, truth: np.ndarray, epochs: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of float32 [B, S, S, 3] and int8 [B, tags]; the next one is made while the network works on this one."""
    rng = np.random.default_rng(SEED)
    chosen = []
    for _ in range(epochs):
        order = rng.permutation(len(images))
        chosen += [np.sort(order[at : at + batch_size]) for at in range(0, len(order) - batch_size + 1, batch_size)]
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_varied, images, chosen[0], rng)
        for rows, following in itertools.zip_longest(chosen, chosen[1:]):
            batch = coming.result()
            if following is not None:
                coming = ahead.submit(_varied, images, following, rng)
            yield batch, torch.from_numpy(truth[rows])


def _varied(images: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    """uint8 [B, S, S, 3] -> float32 [B, S, S, 3], 0-1; mirrored, moved by up to 8 px, a little lighter or darker."""
    batch = np.empty((len(rows), *images.shape[1:]), np.float32)
    for image, place in zip(batch, rows, strict=True):
        down, right = rng.integers(0, 17, 2)
        moved = np.pad(images[place], ((8, 8), (8, 8), (0, 0)), "edge")
        moved = moved[down : down + len(image), right : right + len(image)]
        np.multiply(moved[:, :: rng.choice((-1, 1))], np.float32(rng.uniform(0.93, 1.07) / 255), out=image)
    return torch.from_numpy(batch).clamp_(max=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lessons", nargs="+", default=[lesson.name for lesson in LESSONS])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("outputs/starter"), help="keeps the drawn pictures")
    parser.add_argument("--begin-with", type=Path, help="an earlier checkpoint of this script, instead of chance")
    options = parser.parse_args()
    state = read_checkpoint(options.begin_with).state if options.begin_with else None
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for lesson in (lesson for lesson in LESSONS if lesson.name in options.lessons):
        began = time.monotonic()
        images, truth = pictures(lesson, options.threads, options.folder)
        drawn = time.monotonic()
        print(f"{lesson.name}: {len(images)} pictures in {drawn - began:.0f} s", flush=True)
        latest = options.folder / f"{lesson.name}.safetensors"
        network = train(images, truth, lesson.epochs, options.batch_size, options.rate, state, latest)
        state = plain(network)
        seconds[lesson.name] = {"drawing": round(drawn - began), "training": round(time.monotonic() - drawn)}
    save(network, TAGGER)
    parameters = sum(value.numel() for value in state.values())
    print(json.dumps({"parameters": parameters, "bytes": TAGGER.stat().st_size, "seconds": seconds}))


if __name__ == "__main__":
    main()
