"""musubi-tuner, which trains what sd-scripts does not: Z-Image and Qwen-Image. Its dataset file, and its options.

It reads the same folders and captions, but has a dataset file of its own, and two scripts that run before the training.
"""

from collections.abc import Sequence

import tomlkit

from prep.dataset.trainers import MEMORY, MUSUBI, NETWORK, OUTPUT, RATE, SCHEDULE, STEPS, Trainer

DATASET = "dataset_musubi.toml"


def musubi_toml(
    subsets: Sequence[tuple[str, int, str]],
    resolution: int,
    smaller: Sequence[tuple[Sequence[tuple[str, int, str]], int]] = (),
) -> str:
    """The arguments are those of dataset_toml: (folder, repeats, trigger), folders relative to the file's own."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Made by prep for musubi-tuner. Start its scripts in this folder: image_directory is"))
    document.add(tomlkit.comment("relative to where they run. If you edit this file, prep leaves it alone."))
    general = tomlkit.table()
    general.add("caption_extension", ".txt")
    general.add("batch_size", 1)
    general.add("enable_bucket", True)
    general.add("bucket_no_upscale", True)
    document.add("general", general)
    datasets = tomlkit.aot()
    sides = [(found, max(64, round(px / 64) * 64)) for found, px in smaller]
    for found, px in ((subsets, resolution), *sides):
        for folder, repeats, _ in found:
            dataset = tomlkit.table()
            dataset.add("image_directory", folder)
            # One per dataset, or musubi-tuner stops. Caches are no part of the set.
            dataset.add("cache_directory", f"../training/cache/{folder}")
            dataset.add("num_repeats", repeats)
            dataset.add("resolution", [px, px])
            datasets.append(dataset)
    document.add("datasets", datasets)
    return tomlkit.dumps(document)


def _trainer(name: str, file: str, what: str, dit: str, vae: str, text_encoder: str, noise: str, rate: str, memory: str,
             more: str = "") -> Trainer:  # fmt: skip
    """name: how the names of its scripts begin, and its network's module ends."""
    return Trainer(
        file,
        what,
        f"{name}_train_network.py",
        (
            f"""
[model]
# Set the paths of three files; the last two stand in the commands above, too.
dit = "{dit}"
vae = "{vae}"
text_encoder = "{text_encoder}"
{more}""",
            f"""
[images]
# It sets folders, repeats and resolutions; image_directory is relative to this folder. Images and captions are encoded
# by the two commands that run first: repeat them when the set has changed.
dataset_config = "{DATASET}"
""",
            noise,
            NETWORK.replace("{module}", f"networks.lora_{name}"),
            STEPS + rate + SCHEDULE,
            MEMORY,
            memory,
            OUTPUT,
        ),
        MUSUBI,
        (
            f"{name}_cache_latents.py --dataset_config {DATASET} --vae {vae}",
            f"{name}_cache_text_encoder_outputs.py --dataset_config {DATASET} --text_encoder {text_encoder}",
        ),
    )


Z_IMAGE = _trainer(
    "zimage",
    "train_zimage_lora.toml",
    "Z-Image",
    "z_image_bf16.safetensors",
    "ae.safetensors",
    "qwen_3_4b.safetensors",
    """
[noise]
# From musubi-tuner's documentation, which says that the best values are not known yet.
timestep_sampling = "shift"
weighting_scheme = "none"
discrete_flow_shift = 2.0
""",
    RATE,
    """\
# If still out of memory: fp8_base = true and fp8_scaled = true (both: the base model in 8 bits), or blocks_to_swap = 16
# (slower; 28 at most).
""",
    more="# musubi-tuner recommends to train the base model, not Turbo, which is distilled.\n",
)
QWEN_IMAGE = _trainer(
    "qwen_image",
    "train_qwen_image_lora.toml",
    "Qwen-Image",
    "qwen_image_bf16.safetensors",
    "qwen_image_vae.safetensors",
    "qwen_2.5_vl_7b.safetensors",
    """
[noise]
# From musubi-tuner's documentation, which says that the best values are not known yet.
timestep_sampling = "shift"
weighting_scheme = "none"
discrete_flow_shift = 2.2
""",
    """\
# As in the example of musubi-tuner's documentation.
learning_rate = 0.00005
""",
    """\
# The base model in 8 bits: without these two lines it needs 42 GB at 1024 px, with them 30 GB.
fp8_base = true
fp8_scaled = true
# With 24 GB: blocks_to_swap = 16; with 12 GB: 45 (slower; both need about 64 GB of the computer's own memory).
""",
)
