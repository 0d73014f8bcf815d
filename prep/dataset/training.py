"""train_sd3_lora.toml: starting values for a LoRA of SD3.5 with sd-scripts, next to the dataset.toml that it reads.

The values follow from the size of the set and from the trainer's documentation. No training was run to find them:
they are starting values, and each names its reason.
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from prep.dataset.toml import write_unless_edited
from prep.ledger import Ledger
from prep.names import numbered_folder, quantity, slug_of_group

NAME = "train_sd3_lora.toml"


@dataclass(frozen=True)
class Start:
    """Starting values for a set of this size."""

    images: int
    characters: int
    steps_an_epoch: int  # images times repeats, at batch size 1

    @property
    def views(self) -> int:
        """How often to show a character: 100 times per image, at least 800; fewer per image in a large set."""
        each = self.images / self.characters
        return round(min(max(800, 100 * each), 1500 + 5 * each))

    @property
    def epochs(self) -> int:
        return max(1, round(self.views * self.characters / self.steps_an_epoch))

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_an_epoch

    @property
    def save_every(self) -> int:
        """In epochs: about five checkpoints to choose from."""
        return max(1, self.epochs // 5)

    @property
    def dim(self) -> int:
        """The rank: what one character needs, and more for several."""
        return 16 if self.characters <= 4 else 32 if self.characters <= 16 else 64


def write_training_toml(kohya: Path, images: int, steps_an_epoch: int, resolution: int, ledger: Ledger) -> bool:
    """Write it; as NAME.new.toml beside it if the user has changed the file. -> whether it took its place."""
    found = (numbered_folder(folder.name) for folder in kohya.glob("*/"))
    characters = {slug_of_group(name[1]) for name in found if name}
    start = Start(max(1, images), max(1, len(characters)), max(1, steps_an_epoch))
    return write_unless_edited(kohya.parent, f"{kohya.name}/{NAME}", training_toml(start, resolution), ledger)


def training_command(kohya: Path) -> str:
    """The one command that starts it, for a shell, or for PowerShell. Assumes that sd-scripts is in ~/sd-scripts."""
    if os.name == "nt":
        script = Path.home() / "sd-scripts" / "sd3_train_network.py"
        return f'cd "{kohya}"; accelerate launch --num_cpu_threads_per_process 1 "{script}" --config_file {NAME}'
    return (
        f"cd {shlex.quote(str(kohya))} && accelerate launch --num_cpu_threads_per_process 1 "
        f"~/sd-scripts/sd3_train_network.py --config_file {NAME}"
    )


def training_toml(start: Start, resolution: int) -> str:
    return f"""\
# Starting values for a LoRA of Stable Diffusion 3.5 with kohya's sd-scripts (sd3_train_network.py), made by prep for
# this set: {quantity(start.images, "image")} of {quantity(start.characters, "character")}. \
They follow from its size; no training was run to find them.
# If you edit this file, prep leaves it alone and writes its own beside it, as {Path(NAME).stem}.new.toml.
# Start it in this folder:
#   accelerate launch --num_cpu_threads_per_process 1 ~/sd-scripts/sd3_train_network.py --config_file {NAME}

[model]
# Set the paths of four files: the base model and its text encoders. If one file has them all, remove the other three.
pretrained_model_name_or_path = "sd3.5_medium.safetensors"
clip_l = "clip_l.safetensors"
clip_g = "clip_g.safetensors"
t5xxl = "t5xxl_fp16.safetensors"

[images]
# It sets folders, repeats, buckets and the resolution ({resolution} px); image_dir is relative to this folder.
dataset_config = "dataset.toml"
cache_latents = true

[captions]
# Each caption is encoded once, before training, then the text encoders leave the GPU: sd-scripts recommends this
# when they are not trained. By their sizes in 16 bit, they need about 11 GB until then.
cache_text_encoder_outputs = true
# Captions must then stay the same at every step, or the trainer stops. The trigger word comes first; the CLIPs read
# the first 77 tokens of a caption, T5 the first 256.
shuffle_caption = false
t5xxl_max_token_length = 256
# With about 24 GB (for SD3.5 Medium) the encoders can stay on the GPU and tags can be shuffled at each step, so that
# none is learnt by its position. Then change the two settings above to
#   cache_text_encoder_outputs = false
#   shuffle_caption = true
# The trigger word stays first in either case:
keep_tokens = 1

[network]
network_module = "networks.lora_sd3"
# The rank. 16 is enough for one or a few characters; this set has {start.characters}.
network_dim = {start.dim}
# Equal to the rank, so that the learning rate below has the same effect at every rank.
network_alpha = {start.dim}
# The text encoders are not trained.
network_train_unet_only = true

[steps]
# {start.steps_an_epoch:,} steps per epoch (images times repeats, batch size 1), {start.steps:,} in all: \
each character is seen about {start.steps // start.characters:,} times.
# Blurred or off-model results: train longer. Stiff results, or copies of the set's pictures: use an earlier checkpoint.
max_train_epochs = {start.epochs}
save_every_n_epochs = {start.save_every}
learning_rate = 0.0001
lr_scheduler = "cosine"
lr_warmup_steps = {min(100, start.steps // 20)}
optimizer_type = "AdamW"
seed = 42

[memory]
mixed_precision = "bf16"
save_precision = "bf16"
sdpa = true
gradient_checkpointing = true
max_data_loader_n_workers = 2
persistent_data_loader_workers = true
# If still out of memory: fp8_base_unet = true (the base model in 8 bits), or blocks_to_swap = 16 (slower).

[output]
output_dir = "../training"
output_name = "lora"
save_model_as = "safetensors"
"""
