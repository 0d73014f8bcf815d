"""The starter generator's autoencoder: SD3's at an eighth of its width, with 12 latent channels instead of 16.

First encoder and decoder are trained; then the latents are fixed, and the decoder goes on alone, beside the
transformer's training. What is lost in a small picture is an eye: half of what is shown are faces, cut out of the
pictures, and faces and edges count more. Whole pictures are among them, since a norm sees all of a picture at once.

Alone, the decoder sees only whole pictures, and latents that are a little wrong, as a generator's are: a hand that was
drawn slightly off becomes a hand again, and not a smear.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from prep.generators.sd35.sizes import SCALING, SHIFT
from starter_training.album import batch_order
from starter_training.timed import train_for

WIDTHS, CHANNELS = (16, 32, 64, 128), 12
FACE_WEIGHT, FIGURE_WEIGHT = 3.0, 2.0  # of a pixel in a face or elsewhere in a figure, against one behind it
COLOUR_WEIGHT = 2.0
KL_WEIGHT = 3e-6
CUT_PX = 64
CUTS, WHOLE = 12, 3  # pictures a step
ALONE = 4  # whole pictures a step of the decoder alone
WRONG = 0.3  # the most noise in its latents, of their deviation


def new_vae() -> AutoencoderKL:
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=WIDTHS,
        layers_per_block=2,
        latent_channels=CHANNELS,
        norm_num_groups=WIDTHS[0] // 4,
        sample_size=160,
        mid_block_add_attention=False,
        scaling_factor=SCALING,
        shift_factor=SHIFT,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    _begin_plainly(vae)
    return vae


@torch.no_grad()
def _begin_plainly(vae: AutoencoderKL) -> None:
    """Begin as a picture made small and large again: blocks that add nothing, means where it shrinks, copies where it
    grows. From chance, colours are learnt last: a norm has no use for a mean."""
    for name, module in vae.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        if name.endswith("conv2"):
            module.weight.zero_()
        elif "downsamplers" in name:
            module.weight.mul_(0.1)[:, :, :2, :2] += torch.eye(module.out_channels)[:, :, None, None] / 4
        elif "upsamplers" in name:
            module.weight.mul_(0.1)[:, :, 1, 1] += torch.eye(module.out_channels)
        elif name.endswith("conv_shortcut"):
            module.weight.mul_(0.1)[:, :, 0, 0] += torch.eye(module.out_channels, module.in_channels)


def train(vae: AutoencoderKL, albums: dict, seconds: float, rate: float, latest: Path) -> list:
    """Trains in place for so many seconds, leaving the running average. Returns the curve: (step, seconds, loss). The
    state is also in the file `latest` every 100 steps.
    """

    def loss_of(batch: tuple) -> tuple[Tensor, float]:
        images, weight = batch
        with torch.autocast("cpu", torch.bfloat16):
            found = vae.encode(images).latent_dist
            drawn = vae.decode(found.sample()).sample.float()
        loss = picture_loss(drawn, images, weight)
        return loss + KL_WEIGHT * found.kl().float().mean(), loss.item()

    return _train(vae, vae, _lessons(albums, np.random.default_rng(1)), loss_of, seconds, rate, latest)


def train_decoder(vae: AutoencoderKL, latents: dict, albums: dict, seconds: float, rate: float, latest: Path) -> list:
    """As `train`; the encoder stays. latents: (width, height) -> float16 [N, C, H / 8, W / 8], of the albums."""
    lots = torch.Generator().manual_seed(1)

    def loss_of(batch: tuple) -> tuple[Tensor, float]:
        size, rows = batch
        images, weight = _pictures(albums[size], rows)
        clean = latents[size][torch.from_numpy(rows)].float()
        wrong = WRONG * torch.rand(len(rows), 1, 1, 1, generator=lots)
        given = clean + wrong * torch.randn(clean.shape, generator=lots)
        with torch.autocast("cpu", torch.bfloat16):
            drawn = vae.decode(given / SCALING + SHIFT).sample.float()
        loss = picture_loss(drawn, images, weight)
        return loss, loss.item()

    return _train(
        vae, vae.decoder, batch_order(albums, ALONE, np.random.default_rng(1)), loss_of, seconds, rate, latest
    )


def _train(vae: AutoencoderKL, part, batches: Iterator, loss_of, seconds: float, rate: float, latest: Path) -> list:
    torch.manual_seed(1)
    mean, curve = train_for(
        vae,
        [torch.optim.AdamW(part.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-4)],
        batches,
        loss_of,
        seconds=seconds,
        warm_steps=100,
        fall=2.5,
        average=0.995,
        latest=latest,
    )
    vae.load_state_dict(mean.state_dict())
    return curve


def picture_loss(drawn: Tensor, images: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference of the pixels; of their steps to the next, at three sizes: soft edges cost; and of the
    colours of 4 px blocks, for which edges care little."""
    error = ((drawn - images).abs() * weight).mean()
    for scale in (1, 2, 4):
        if scale > 1:
            drawn, images, weight = (F.avg_pool2d(one, 2) for one in (drawn, images, weight))
        for axis in (2, 3):
            edge = (drawn.diff(dim=axis) - images.diff(dim=axis)).abs()
            error = error + (edge * weight.narrow(axis, 1, edge.shape[axis])).mean()
    apart = drawn - images
    colours = (apart[:, 0] - apart[:, 1]).abs() + (apart[:, 2] - apart[:, 1]).abs()
    return error + COLOUR_WEIGHT * (colours + apart.abs().mean(1)).mean()


@torch.inference_mode()
def settle(vae: AutoencoderKL, albums: dict) -> None:
    """Bring the latents to mean 0 and deviation 1 by channel under SD3's shift and scaling, without changing a picture:
    the affine map goes into the encoder's last layer and, turned round, into the decoder's first."""
    found = []
    for size, rows in _first(batch_order(albums, 64, np.random.default_rng(2)), 24):
        found.append(vae.encode(_pictures(albums[size], rows)[0]).latent_dist.mode().transpose(0, 1).flatten(1))
    values = torch.cat(found, 1)
    mean, spread = values.mean(1), values.std(1)
    # wanted = (value - mean) / spread / SCALING + SHIFT
    gain, offset = 1 / (spread * SCALING), SHIFT - mean / (spread * SCALING)
    last, first = vae.encoder.conv_out, vae.decoder.conv_in
    last.weight[:CHANNELS] *= gain[:, None, None, None]
    last.bias[:CHANNELS] = last.bias[:CHANNELS] * gain + offset
    last.bias[CHANNELS:] += 2 * gain.log()  # the logarithm of the variance
    # The decoder pads with 0, which the map moves: a picture's rim may change a little.
    inner = first.weight.clone()
    first.weight.copy_(inner / gain[None, :, None, None])
    first.bias -= (inner * (offset / gain)[None, :, None, None]).sum((1, 2, 3))


def _lessons(albums: dict, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield without end what `_pictures` gives: three steps of cuts, half of them with a face, then one of whole
    pictures."""
    cuts, whole = batch_order(albums, CUTS, rng), batch_order(albums, WHOLE, rng)
    while True:
        for _ in range(3):
            size, rows = next(cuts)
            images, weight = _pictures(albums[size], rows)
            places = [_cut(rng, *size, face if rng.random() < 0.5 else None) for face in albums[size].faces[rows]]
            yield tuple(
                torch.stack(
                    [
                        one[:, down : down + CUT_PX, right : right + CUT_PX]
                        for one, (right, down) in zip(all_, places, strict=True)
                    ]
                )
                for all_ in (images, weight)
            )
        size, rows = next(whole)
        yield _pictures(albums[size], rows)


def _cut(rng: np.random.Generator, width: int, height: int, face: np.ndarray | None) -> tuple[int, int]:
    """Left and top of a cut: about the face, or anywhere."""
    if face is None:
        return int(rng.integers(0, width - CUT_PX + 1)), int(rng.integers(0, height - CUT_PX + 1))
    middle = (face[:2] + face[2:]) // 2 - CUT_PX // 2 + rng.integers(-16, 17, 2)
    return int(np.clip(middle[0], 0, width - CUT_PX)), int(np.clip(middle[1], 0, height - CUT_PX))


def _first(batches, count: int):
    for _, batch in zip(range(count), batches, strict=False):
        yield batch


def _pictures(album, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """(float32 [B, 3, H, W] from -1 to 1, float32 [B, 1, H, W]: how much each pixel counts)."""
    images = torch.from_numpy(album.images[rows]).permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)
    figures = torch.from_numpy(album.figures[rows])[:, None].float().div_(255)
    weight = 1 + (FIGURE_WEIGHT - 1) * F.interpolate(figures, images.shape[2:], mode="bilinear")
    for one, face in zip(weight, album.faces[rows], strict=True):
        left, top, right, bottom = (max(0, int(side)) for side in face)
        one[:, top:bottom, left:right] = FACE_WEIGHT
    return images, weight / weight.mean()
