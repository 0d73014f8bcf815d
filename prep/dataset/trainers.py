"""What trains a LoRA: a script, and the tables of its file of options that all of them share. No file is opened here.

sd_scripts.py and musubi.py have the scripts. The values are starting values: each one names its reason, and comes from
the trainer's documentation or from the size of the set. `{...}` stands for a number of this set (training.py fills it
in).
"""

from typing import NamedTuple

SD_SCRIPTS, MUSUBI = "sd-scripts", "musubi-tuner"


class Trainer(NamedTuple):
    """One script, and what is in its file of options."""

    file: str  # its name in kohya/
    what: str  # the base models, in words
    script: str
    blocks: tuple[str, ...]  # the tables of the file
    home: str = SD_SCRIPTS  # the repository of the script
    before: tuple[str, ...] = ()  # commands of the same repository that must run first: script and options

    @property
    def launch(self) -> str:
        """What stands between `accelerate launch` and the script."""
        return "--num_cpu_threads_per_process 1" + (" --mixed_precision bf16" if self.home == MUSUBI else "")

    @property
    def folder(self) -> str:
        """Where the scripts are, under the home folder."""
        return self.home + ("/src/musubi_tuner" if self.home == MUSUBI else "")


NETWORK = """
[network]
network_module = "{module}"
# The rank. 16 is enough for one or a few characters; this set has {characters}.
network_dim = {dim}
# Equal to the rank, so that the learning rate below has the same effect at every rank.
network_alpha = {dim}
"""
STEPS = """
[steps]
# {steps_an_epoch:,} steps per epoch (images times repeats, batch size 1), {steps:,} in all: \
each character is seen about {views:,} times.
# Blurred or off-model results: train longer. Stiff results, or copies of the set's pictures: use an earlier checkpoint.
max_train_epochs = {epochs}
save_every_n_epochs = {save_every}
"""
RATE = """\
learning_rate = 0.0001
"""
SCHEDULE = """\
lr_scheduler = "cosine"
lr_warmup_steps = {warmup}
optimizer_type = "AdamW"
seed = 42
"""
MEMORY = """
[memory]
mixed_precision = "bf16"
save_precision = "bf16"
sdpa = true
gradient_checkpointing = true
max_data_loader_n_workers = 2
persistent_data_loader_workers = true
"""
OUTPUT = """
[output]
output_dir = "../training"
output_name = "{name}"
"""
