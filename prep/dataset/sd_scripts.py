"""sd-scripts' trainers of LoRAs, and the file of options of each: SD 1.5, SDXL, SD3.5, Flux, Anima and Lumina."""

from prep.dataset.trainers import MEMORY, NETWORK, OUTPUT, RATE, SCHEDULE, STEPS, Trainer

IMAGES = """
[images]
# It sets folders, repeats, buckets and the resolution ({resolution} px); image_dir is relative to this folder.
dataset_config = "dataset.toml"
cache_latents = true
"""
SHUFFLED = """
[captions]
# Tags have no order: they are shuffled at each step, so that none is learnt by its position. The trigger word stays
# first. Captions that change cannot be encoded once and kept: {encoders}.
shuffle_caption = true
keep_tokens = 1
# CLIP reads 75 tokens at a time. A caption of 40 tags has more, so three times as many are read.
max_token_length = 225
"""
CACHED = """
[captions]
# Each caption is encoded once, before training, then the text encoder leaves the GPU: sd-scripts recommends this when
# it is not trained. Captions must then stay the same at every step. They would anyway: shuffling cuts a caption at its
# commas, which would tear its sentence.
cache_text_encoder_outputs = true
shuffle_caption = false
"""
NO_ENCODERS = """\
# The text encoders are not trained.
network_train_unet_only = true
"""
SNR = """\
# Noise levels that are easy to predict weigh less; 5 is the value of the paper that proposed it (Min-SNR).
min_snr_gamma = 5.0
"""
SAFETENSORS = """\
save_model_as = "safetensors"
"""


def network(module: str, more: str = NO_ENCODERS) -> str:
    return NETWORK.replace("{module}", module) + more


SD35 = Trainer(
    "train_sd3_lora.toml",
    "Stable Diffusion 3.5",
    "sd3_train_network.py",
    (
        """
[model]
# Set the paths of four files: the base model and its text encoders. If one file has them all, remove the other three.
pretrained_model_name_or_path = "sd3.5_medium.safetensors"
clip_l = "clip_l.safetensors"
clip_g = "clip_g.safetensors"
t5xxl = "t5xxl_fp16.safetensors"
""",
        IMAGES,
        """
[captions]
# Each caption is encoded once, before training, then the text encoders leave the GPU: sd-scripts recommends this
# when they are not trained. By their sizes in 16 bit, they need about 11 GB until then.
cache_text_encoder_outputs = true
# Captions must then stay the same at every step, or the trainer stops. The trigger word comes first; the CLIPs read
# the first 77 tokens of a caption, T5 the first 256.
shuffle_caption = false
t5xxl_max_token_length = 256
""",
        """\
# With about 24 GB (for SD3.5 Medium) the encoders can stay on the GPU and tags can be shuffled at each step, so that
# none is learnt by its position. Then change the two settings above to
#   cache_text_encoder_outputs = false
#   shuffle_caption = true
# The trigger word stays first in either case:
keep_tokens = 1
""",
        network("networks.lora_sd3"),
        STEPS + RATE + SCHEDULE,
        MEMORY,
        """\
# If still out of memory: fp8_base_unet = true (the base model in 8 bits), or blocks_to_swap = 16 (slower).
""",
        OUTPUT + SAFETENSORS,
    ),
)
# With sentences there is nothing to shuffle.
SD35_SENTENCES = SD35._replace(blocks=(*SD35.blocks[:3], *SD35.blocks[4:]))
SD15 = Trainer(
    "train_lora.toml",
    "Stable Diffusion 1.5",
    "train_network.py",
    (
        """
[model]
# Set the path of one file that has U-Net, text encoder and VAE.
pretrained_model_name_or_path = "v1-5-pruned-emaonly.safetensors"
# Anime models of this kind were trained on CLIP's last layer but one. For others, such as SD 1.5 itself: 1.
clip_skip = 2
""",
        IMAGES.replace(
            "dataset_config",
            "# SD 1.5 was trained at 512 px, its anime models at up to 768: if this set has more, run prep once\n"
            "# more with --set export.resolution=768.\ndataset_config",
        ),
        SHUFFLED.replace("{encoders}", "CLIP stays on the GPU (0.25 GB)"),
        network("networks.lora", ""),
        STEPS
        + """\
# The text encoder is trained too, at a tenth of the rate, as in the example of sd-scripts' documentation.
learning_rate = 0.0001
unet_lr = 0.0001
text_encoder_lr = [0.00001]
"""
        + SNR
        + SCHEDULE,
        MEMORY,
        OUTPUT + SAFETENSORS,
    ),
)
SDXL = Trainer(
    "train_sdxl_lora.toml",
    "SDXL and its kin",
    "sdxl_train_network.py",
    (
        """
[model]
# Set the path of one file that has U-Net, text encoders and VAE: train on the model that you will draw with, or on the
# one that it was made from (Illustrious, NoobAI, Pony, Animagine, SDXL).
pretrained_model_name_or_path = "Illustrious-XL-v0.1.safetensors"
# A model with v-prediction, such as NoobAI-XL V-Pred, says so in its name. It needs these two lines as well, and
# learns nothing useful without them; every other model breaks with them:
# v_parameterization = true
# zero_terminal_snr = true
# SDXL's VAE can fail in 16 bit; it is needed only once, to cache the latents.
no_half_vae = true
# clip_skip does not count here: SDXL always reads the last layer but one. Pony's score_9 and the like, and the quality
# words of the others, belong to prompts.
""",
        IMAGES,
        SHUFFLED.replace("{encoders}", "both CLIPs (1.6 GB) stay on\n# the GPU"),
        network(
            "networks.lora",
            """\
# sd-scripts highly recommends this for SDXL: with its two text encoders trained, the result is hard to foresee.
network_train_unet_only = true
""",
        ),
        STEPS + RATE + SNR + SCHEDULE,
        MEMORY,
        """\
# If still out of memory: fp8_base = true (the base model in 8 bits).
""",
        OUTPUT + SAFETENSORS,
    ),
)
FLUX = Trainer(
    "train_flux_lora.toml",
    "FLUX.1 or Chroma",
    "flux_train_network.py",
    (
        """
[model]
# Set the paths of four files.
pretrained_model_name_or_path = "flux1-dev.safetensors"
clip_l = "clip_l.safetensors"
t5xxl = "t5xxl_fp16.safetensors"
ae = "ae.safetensors"
# For Chroma: remove clip_l, which it does not have, set guidance_scale = 0.0 and timestep_sampling = "sigmoid" below,
# and add these two lines:
# model_type = "chroma"
# apply_t5_attn_mask = true
# The captions also suit HunyuanImage (hunyuan_image_train_network.py of sd-scripts) and Krea 2 (musubi-tuner), which
# have files of other options.
""",
        IMAGES,
        CACHED + "# What T5 reads of a caption; CLIP reads the first 77 tokens.\nt5xxl_max_token_length = 512\n",
        """
[noise]
# FLUX.1 dev was distilled for one guidance scale: 1.0 turns that off, as sd-scripts asks for in training.
guidance_scale = 1.0
# Both as sd-scripts recommends for FLUX.1.
timestep_sampling = "flux_shift"
model_prediction_type = "raw"
""",
        network("networks.lora_flux"),
        STEPS + RATE + SCHEDULE,
        MEMORY,
        """\
# The base model in 8 bits: in 16 bits its 12 billion parameters alone need 24 GB.
fp8_base = true
# With 16 GB: blocks_to_swap = 16; with 8 GB: 28 (slower).
""",
        OUTPUT + SAFETENSORS,
    ),
)
ANIMA = Trainer(
    "train_anima_lora.toml",
    "Anima",
    "anima_train_network.py",
    (
        """
[model]
# Set the paths of three files. Anima's licence allows no commercial use.
pretrained_model_name_or_path = "anima-base.safetensors"
qwen3 = "qwen_3_06b_base.safetensors"
vae = "qwen_image_vae.safetensors"
# Both need less memory for the VAE, as in the example of sd-scripts' documentation.
vae_chunk_size = 64
vae_disable_cache = true
""",
        IMAGES,
        CACHED
        + """\
# What the text encoder and the tokenizer of the adapter read of a caption: their defaults.
qwen3_max_token_length = 512
t5_max_token_length = 512
""",
        """
[noise]
# As in the example of sd-scripts' documentation.
timestep_sampling = "sigmoid"
discrete_flow_shift = 1.0
""",
        network("networks.lora_anima", NO_ENCODERS.replace("encoders are", "encoder is")),
        STEPS
        + """\
# Half of what sd-scripts' documentation names: its 0.0001 is for an alpha of 1, and asks for less with a higher one.
learning_rate = 0.00005
"""
        + SCHEDULE,
        MEMORY,
        """\
# If still out of memory: blocks_to_swap = 16 (slower; 26 at most). It does not know the base model in 8 bits.
""",
        OUTPUT + SAFETENSORS,
    ),
)
LUMINA = Trainer(
    "train_lumina_lora.toml",
    "Lumina 2 and its kin",
    "lumina_train_network.py",
    (
        """
[model]
# Set the paths of three files. sd-scripts also reads Neta Lumina's single file as the first; it needs the others, too.
pretrained_model_name_or_path = "lumina_2_model_bf16.safetensors"
gemma2 = "gemma_2_2b_fp16.safetensors"
ae = "ae.safetensors"
""",
        IMAGES,
        CACHED
        + """\
# Empty: each caption begins with the system prompt already, so here it would be read twice.
system_prompt = ""
# What Gemma reads of a caption, the system prompt with it.
gemma2_max_token_length = 256
""",
        """
[noise]
# As sd-scripts recommends for this model.
timestep_sampling = "nextdit_shift"
discrete_flow_shift = 6.0
model_prediction_type = "raw"
""",
        network("networks.lora_lumina", NO_ENCODERS.replace("encoders are", "encoder is")),
        STEPS + RATE + SCHEDULE,
        MEMORY,
        """\
# If still out of memory: fp8_base = true (the base model in 8 bits), or blocks_to_swap = 16 (slower).
""",
        OUTPUT + SAFETENSORS,
    ),
)
