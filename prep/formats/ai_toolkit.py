"""ai-toolkit: one folder per character with a .txt beside each image, and config.yaml for a LoRA of the base model that
the captions are for.

Its README accepts only jpg and png, so WebP is converted to PNG. Keys are those of its examples and its
DatasetConfig; numbers are written out, since YAML 1.1 reads 1e-4 as text.
"""

import shlex

from prep.captions.forms import Form, form_of
from prep.dataset.finished import FinishedSet
from prep.dataset.training import Start
from prep.formats._bases import TOOLKIT
from prep.formats._view import View, yaml_text
from prep.names import slugs

READABLE = (".png", ".jpg")
SAMPLES = 4  # prompts that it draws during training


def lay(found: FinishedSet, view: View) -> list[str]:
    for group in found.groups:
        for picture in group.pictures:
            name = view.picture(picture, group.name, READABLE)
            view.caption(f"{group.name}/{name.rpartition('.')[0]}.txt", picture.caption)
    view.config("config.yaml", _config(found, view))
    return ["in ai-toolkit:", f"python run.py {shlex.quote(view.place('config.yaml'))}"]


def _config(found: FinishedSet, view: View) -> str:
    base, form = TOOLKIT[found.base], form_of(found.base)
    start = Start(found.images, found.characters, found.steps_an_epoch)
    name = found.out.resolve().name
    save_every = max(1, start.steps // 5)
    folders = "".join(
        f"""\
        - folder_path: {yaml_text(view.place(group.name))}
          caption_ext: "txt"
          num_repeats: {group.repeats}
          shuffle_tokens: {"false" if "sentence" in form.parts else "true"}
          caption_dropout_rate: 0.05
          cache_latents_to_disk: true
          resolution: [{found.resolution}]
"""
        for group in found.groups
    )
    triggers = dict.fromkeys(group.trigger for group in found.groups if not group.drawn)
    prompts = "".join(
        f"          - {yaml_text(form.head + trigger)}\n" for trigger in list(triggers)[:SAMPLES] or ["1girl"]
    )
    return f"""\
# Starting values for a LoRA of {base.what} with ostris' ai-toolkit, made by prep.{f" {base.more}" if base.more else ""}
# If you edit this file, prep leaves it alone and writes its own beside it, as config.new.yaml.
job: "extension"
config:
  name: {yaml_text(slugs([name])[name])}
  process:
    - type: "sd_trainer"
      training_folder: {yaml_text(view.place("training"))}
      device: "cuda:0"
      network:
        type: "lora"
        linear: {start.dim}
        linear_alpha: {start.dim}
      save:
        dtype: "float16"
        save_every: {save_every}
        max_step_saves_to_keep: 5
{_note(form)}\
      datasets:
{folders}\
      train:
        batch_size: 1
        # {start.steps_an_epoch:,} steps per epoch, {start.epochs} epochs
        steps: {start.steps}
        gradient_accumulation_steps: 1
        train_unet: true
        train_text_encoder: false
        gradient_checkpointing: true
        noise_scheduler: "{base.scheduler}"
{base.train}\
        optimizer: "adamw8bit"
        lr: 0.0001
        dtype: "bf16"
      model:
        name_or_path: "{base.place}"
{base.model}\
      sample:
        sampler: "{base.scheduler}"
        sample_every: {save_every}
        width: {found.resolution}
        height: {found.resolution}
        prompts:
{prompts}\
        neg: ""
        seed: 42
        walk_seed: true
        guidance_scale: {base.guidance}
        sample_steps: 25
meta:
  name: "[name]"
  version: "1.0"
"""


def _note(form: Form) -> str:
    if "sentence" in form.parts:
        why = "Captions are not shuffled: that cuts them at their commas, which tears a sentence."
    else:
        why = "Shuffling moves the trigger word, too: keep_tokens counts for dropout alone."
    return f"""\
      # The trigger word is in the captions. Repeats are those of kohya/.
      # {why}
"""
