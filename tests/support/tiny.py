"""A whole SD3.5 in a few hundred kilobytes: real classes of diffusers and transformers, one word-level tokenizer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedTokenizerFast, T5Config, T5EncoderModel

from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.types import GenerationRequest
from starter_training.single_file import write_single_file

WORDS = ("<pad>", "<start>", "<unk>", "red", "blue", "hair", "smile", "girl", "forest", "blurry", "best", "<end>")
TOKENS = 12
SAMPLING = {"steps": 3, "guidance": 3.0, "shift": 2.0, "resolution": 64, "step": 16}
WIDTHS = {"clip_l": 64, "clip_g": 128}


def transformer(seed: int = 1, width: int = 192) -> SD3Transformer2DModel:
    torch.manual_seed(seed)
    model = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, out_channels=4, num_layers=3, attention_head_dim=64,
        num_attention_heads=2, joint_attention_dim=width, caption_projection_dim=128, pooled_projection_dim=192,
        pos_embed_max_size=16, dual_attention_layers=(0,), qk_norm="rms_norm",
    )  # fmt: skip
    return lively(model)


def vae(seed: int = 2) -> AutoencoderKL:
    torch.manual_seed(seed)
    widths = (8, 8, 16, 16)
    model = AutoencoderKL(
        latent_channels=4, block_out_channels=widths, layers_per_block=1, norm_num_groups=widths[0] // 4,
        sample_size=1024, down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        use_quant_conv=False, use_post_quant_conv=False, scaling_factor=1.5305, shift_factor=0.0609,
    )  # fmt: skip
    return model.eval().requires_grad_(False)


def clip(name: str) -> CLIPTextModelWithProjection:
    width = WIDTHS[name]
    torch.manual_seed(width)
    config = CLIPTextConfig(
        vocab_size=len(WORDS), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=width // 64, max_position_embeddings=TOKENS, projection_dim=width,
        hidden_act={"clip_l": "quick_gelu", "clip_g": "gelu"}[name], bos_token_id=0, pad_token_id=1, eos_token_id=2,
    )  # fmt: skip
    model = lively(CLIPTextModelWithProjection(config))
    if name == "clip_l":
        model.text_projection = torch.nn.Identity()
    return model


def t5(width: int = 192) -> T5EncoderModel:
    torch.manual_seed(7)
    config = T5Config(
        vocab_size=len(WORDS), d_model=width, d_kv=16, d_ff=96, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    return lively(T5EncoderModel(config))


def lively(model):
    """Matrices of deviation 1/sqrt(in): what goes in comes out."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() > 1 and name.endswith("weight"):
                value.normal_(0, value[0].numel() ** -0.5)
            elif name.endswith("bias"):
                value.normal_(0, 0.1)
    return model.eval().requires_grad_(False)


def tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<start>", 1), ("<end>", len(WORDS) - 1)]
    words.post_processor = processors.TemplateProcessing(single="<start> $A <end>", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=words, model_max_length=TOKENS, pad_token="<pad>", unk_token="<unk>",
        bos_token="<start>", eos_token="<end>",
    )  # fmt: skip


def tiny_model(folder: Path, eight: bool = True, sampling: dict | None = None) -> Path:
    """A single file with all parts but T5, and the tokenizer beside it."""
    path = folder / "tiny.safetensors"
    clips = {name: clip(name) for name in WIDTHS}
    write_single_file(path, transformer(), vae(), clips, SAMPLING if sampling is None else sampling, eight)
    tokenizer().save_pretrained(folder / "tokenizer")
    return path


class Drawing(SD35):
    """Knows the folder of its encoded prompts, so that a test names it once."""

    kept: Path


def generator(
    model: Path, kept: Path, dtype: torch.dtype | None = None, parts: dict[str, Path] | None = None, **options
) -> Drawing:
    """parts: those that have files of their own. options: of SD35Options."""
    given = SD35Options(**{"device": "cpu", **options})
    drawing = Drawing(model.stem, {"model": model, **(parts or {})}, given, dtype)
    drawing.kept = kept
    return drawing


REQUEST = GenerationRequest(
    kind="consistency", character="mira", prompt="best, red hair, smile", negative="blurry", width=48, height=64,
    steps=3, guidance=3.0, sampler="euler", strength=None, parent=None, index=0,
    asked=("red_hair", "smile"), changes=(), generator="tiny", weights="0" * 64, precision="fp8-scaled/bf16",
)  # fmt: skip
PARENTS = {
    name: np.random.default_rng(at).integers(0, 256, (90, 70 + at, 3), dtype=np.uint8) for at, name in enumerate("abcd")
}


def requests(count: int = 4, **changes) -> list[GenerationRequest]:
    """Of alike ones: two prompts by turns; with a strength, a parent each."""
    prompts = ("best, red hair, smile", "girl, blue hair, forest")
    made = []
    for index in range(count):
        parent = "abcd"[index % 4] if changes.get("strength") else None
        made.append(replace(REQUEST, prompt=prompts[index % 2], index=index, parent=parent))
    return [replace(request, **changes) for request in made]


def drawn(generator: SD35, asked: list[GenerationRequest], kept: Path | None = None) -> dict[str, np.ndarray]:
    """key -> picture. kept: the folder of encoded prompts, where the generator does not know it."""
    return dict(generator.draw(asked, PARENTS, kept or generator.kept))


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> bool:
    return found.keys() == wanted.keys() and all(np.array_equal(found[key], wanted[key]) for key in wanted)
