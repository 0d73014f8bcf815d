"""The starter generator's autoencoder: SD3's at an eighth of its width, with 8 latent channels instead of 16.

First encoder and decoder are trained; then the latents are fixed, and the decoder goes on alone, beside the
transformer's training. What is lost in a picture of 128 px is an eye: faces count more, and so do edges.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from prep.generators._vae import SCALING, SHIFT
from prep.starter.album import batch_order
from prep.starter.timed import train_for

WIDTHS, CHANNELS = (16, 32, 64, 128), 8
FACE_WEIGHT = 5.0  # of a pixel in a face, against one elsewhere
COLOUR_WEIGHT = 2.0
KL_WEIGHT = 3e-6
BATCH = 16


def new_vae() -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        latent_channels=CHANNELS,
        norm_num_groups=16,
        sample_size=128,
        scaling_factor=SCALING,
        shift_factor=SHIFT,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def train(vae: AutoencoderKL, albums: dict, seconds: float, rate: float, decoder_only: bool, latest: Path) -> list:
    """Trains in place for so many seconds, leaving the running average. Returns the curve: (step, seconds, loss).

    decoder_only: the encoder stays. The state is also in the file `latest` every 100 steps.
    """
    torch.manual_seed(1)

    def loss_of(batch: tuple) -> tuple[Tensor, float]:
        size, rows = batch
        images, weight = _pictures(albums[size], rows)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.set_grad_enabled(not decoder_only):
                found = vae.encode(images).latent_dist
            drawn = vae.decode(found.mode() if decoder_only else found.sample()).sample.float()
        loss = picture_loss(drawn, images, weight)
        return (loss if decoder_only else loss + KL_WEIGHT * found.kl().float().mean()), loss.item()

    mean, curve = train_for(
        vae,
        [*vae.decoder.parameters()] if decoder_only else [*vae.parameters()],
        batch_order(albums, BATCH, np.random.default_rng(1)),
        loss_of,
        seconds=seconds,
        rate=rate,
        warm_steps=100,
        fall=2.5,
        beta=0.99,
        decay=1e-4,
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


def _first(batches, count: int):
    for _, batch in zip(range(count), batches, strict=False):
        yield batch


def _pictures(album, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """(float32 [B, 3, H, W] from -1 to 1, float32 [B, 1, H, W]: how much each pixel counts)."""
    images = torch.from_numpy(album.images[rows]).permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)
    weight = torch.ones(len(rows), 1, *images.shape[2:])
    for one, face in zip(weight, album.faces[rows], strict=True):
        left, top, right, bottom = (max(0, int(side)) for side in face)
        one[:, top:bottom, left:right] = FACE_WEIGHT
    return images, weight / weight.mean()
