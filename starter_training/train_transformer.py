"""The starter generator's transformer and its two small CLIPs, trained together on cached latents: rectified flow.

SD3Transformer2DModel of 5 blocks, 3 heads of 64, with SD3.5's normed queries and keys. No T5: SD3.5 may do without.
The blocks' matrices learn by Muon (orthogonal steps: fewer are needed), the rest by AdamW.
"""

import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from prep.generators.sd35.encoders import ACTIVATIONS, CLIP, load_text_encoder
from prep.generators.sd35.load import load_transformer
from prep.generators.sd35.sizes import SCALING, SHIFT
from starter_training import words
from starter_training.album import batch_order
from starter_training.timed import train_for
from starter_training.train_vae import CHANNELS
from starter_training.weigh import weights_of

CLIP_WIDTHS = {"clip_l": 64, "clip_g": 128}  # multiples of 64: the width of a head
JOINT = sum(CLIP_WIDTHS.values())
BATCH = 32
KEPT = {1.0: 0.4, 0.9: 0.35, 0.6: 0.25}  # chance of each tag to stay in a prompt: share of such prompts
UNSEEN = 0.5  # share that name what the frame leaves out, as the words of a parent do: the view counts then
WITHOUT = 0.1  # share of prompts that say nothing, or only what is not wanted: for guidance


class Model(nn.Module):
    """Everything that is trained here; its parts go into the file by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = SD3Transformer2DModel(
            sample_size=20,
            patch_size=2,
            in_channels=CHANNELS,
            out_channels=CHANNELS,
            num_layers=5,
            attention_head_dim=64,
            num_attention_heads=3,
            joint_attention_dim=JOINT,
            caption_projection_dim=192,
            pooled_projection_dim=JOINT,
            pos_embed_max_size=20,
            qk_norm="rms_norm",
        )
        self.clip_l, self.clip_g = (_clip(name) for name in CLIP_WIDTHS)
        self.clip_l.text_projection = nn.Identity()  # as SD3 takes it

    def load(self, path: Path) -> None:
        """Take the weights of a file that write_single_file wrote."""
        self.transformer.load_state_dict(load_transformer(path, torch.float32, "none").state_dict())
        for name in CLIP_WIDTHS:
            state = load_text_encoder(name, path, torch.float32, None, "none").state_dict()
            state.pop("text_projection.weight", None) if name == "clip_l" else None
            getattr(self, name).load_state_dict(state)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """tokens: int64 [B, 40] -> (float [B, 80, joint], float [B, joint]), as StableDiffusion3Pipeline makes them:
        the CLIPs' last but one layers side by side, then T5's place, which is zeros."""
        found = [clip(tokens, output_hidden_states=True) for clip in (self.clip_l, self.clip_g)]
        hidden = torch.cat([one.hidden_states[-2] for one in found], -1)
        pooled = torch.cat([one.text_embeds for one in found], -1)
        return torch.cat([hidden, torch.zeros_like(hidden)], 1), pooled

    def forward(self, noisy: Tensor, time_: Tensor, tokens: Tensor) -> Tensor:
        """noisy: [B, C, H, W], time_: [B], 0-1 -> the velocity, noise - picture."""
        hidden, pooled = self.encode(tokens)
        return self.transformer(noisy, hidden, pooled, time_ * 1000, return_dict=False)[0]


def _clip(name: str) -> CLIPTextModelWithProjection:
    width = CLIP_WIDTHS[name]
    config = CLIPTextConfig(
        vocab_size=len(words.words()),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=2,
        num_attention_heads=width // 64,
        max_position_embeddings=words.LENGTH,
        projection_dim=width,
        hidden_act=ACTIVATIONS[name],
        **CLIP,
    )
    return CLIPTextModelWithProjection(config)


class Prompts:
    """Tags to token numbers: shuffled, some left out, mostly with the words of quality in front."""

    def __init__(self, seed: int) -> None:
        self.lots = random.Random(seed)
        self.numbers = {word: number for number, word in enumerate(words.words())}

    def tokens(self, tags: tuple[str, ...], unseen: tuple[str, ...] = ()) -> list[int]:
        lots = self.lots
        if lots.random() < WITHOUT:
            chosen = list(words.NEGATIVE) if lots.random() < 0.6 else []
        else:
            (stays,) = lots.choices([*KEPT], [*KEPT.values()])
            named = (*tags, *unseen) if lots.random() < UNSEEN else tags
            kept = [tag for tag in named if lots.random() < stays]
            chosen = lots.sample(kept, len(kept))
            if lots.random() < 0.75:
                chosen = [*words.QUALITY, *chosen]
        numbers = [self.numbers[word.lower().replace("_", " ")] for word in chosen][: words.LENGTH - 2]
        numbers = [self.numbers["<start>"], *numbers, self.numbers["<end>"]]
        return numbers + [self.numbers["<pad>"]] * (words.LENGTH - len(numbers))


@torch.inference_mode()
def latents_of(vae: AutoencoderKL, albums: dict) -> dict[tuple[int, int], Tensor]:
    """(width, height) -> float16 [N, C, H/8, W/8], as the transformer takes them."""
    found = {}
    for size, album in albums.items():
        parts = []
        for at in range(0, len(album.tags), 64):
            images = (
                torch.from_numpy(np.array(album.images[at : at + 64])).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
            )
            with torch.autocast("cpu", torch.bfloat16):
                mode = vae.encode(images.contiguous()).latent_dist.mode().float()
            parts.append(((mode - SHIFT) * SCALING).half())
        found[size] = torch.cat(parts)
    return found


def optimisers_of(model: Model, rate: float) -> list[torch.optim.Optimizer]:
    """Muon's steps are scaled to be as long as AdamW's, so that one rate serves both."""
    inner = {
        id(value)
        for name, value in model.named_parameters()
        if value.ndim == 2 and ".norm1" not in name and ("transformer_blocks." in name or "encoder.layers." in name)
    }
    matrices = [value for value in model.parameters() if id(value) in inner]
    others = [value for value in model.parameters() if id(value) not in inner]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def train(model: Model, latents: dict, albums: dict, seconds: float, rate: float, latest: Path) -> tuple[Model, list]:
    """-> (the running average, the curve: (step, seconds, loss))."""
    torch.manual_seed(1)
    prompts, device = Prompts(1), next(model.parameters()).device
    # For so few tokens, the plain kernel is a tenth faster on a CPU.
    kernels = [SDPBackend.MATH] if device.type == "cpu" else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]
    weights = {size: weights_of(album.images, album.faces, album.figures) for size, album in albums.items()}

    def loss_of(batch: tuple) -> tuple[Tensor, float]:
        size, rows = batch
        clean = latents[size][torch.from_numpy(rows)].to(device, torch.float32)
        album = albums[size]
        tokens = torch.tensor([prompts.tokens(album.tags[row], album.unseen[row]) for row in rows], device=device)
        moment = torch.sigmoid(
            torch.randn(len(rows), device=device)
        )  # SD3's logit-normal: most of the work is in the middle
        noise = torch.randn_like(clean)
        noisy = clean + (noise - clean) * moment[:, None, None, None]
        with torch.autocast(device.type, torch.bfloat16), sdpa_kernel(kernels):
            answer = model(noisy, moment, tokens)
        each = (answer.float() - (noise - clean)).square().mean(1)
        weight = weights[size][torch.from_numpy(rows)].to(device)
        return (each * weight).sum() / weight.sum(), each.mean().item()

    return train_for(
        model,
        optimisers_of(model, rate),
        batch_order(albums, BATCH, np.random.default_rng(1)),
        loss_of,
        seconds=seconds,
        warm_steps=200,
        fall=1.6,
        average=0.998,
        latest=latest,
    )
