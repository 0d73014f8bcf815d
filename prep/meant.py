"""Which setting an unknown name means: the nearest one, one in another section, or prep's name for a setting of another
program.
"""

import difflib
from collections.abc import Mapping, Sequence

ALIKE, FAR = 0.6, 0.75  # how similar two names must be, within a section and across sections
TRIGGER = "the trigger word is `characters.NAME.trigger`, where NAME is the folder's name"
TRAINER = "that is a setting of the trainer: see dataset.toml and train_*_lora.toml in OUT/kohya"
REPEATS = (
    "prep computes repeats to give characters equal weight (`export.images_per_epoch`); a folder of kohya/ that you "
    "rename, such as 12_NAME, keeps yours"
)
ONE_THRESHOLD = 'one threshold for all is `thresholds.mode = "fixed"` and `thresholds.fixed = 0.4`'
FILTER = (
    "tags to keep out of all captions are in the file `filter.file`; for one character, in `characters.NAME.remove`"
)
# Other programs' name -> prep's.
ELSEWHERE = {
    **dict.fromkeys(
        "trigger_word trigger_words triggerword class_tokens class_token instance_prompt instance_token activation_tag "
        "activation_tags activation_text keyword token name".split(),
        TRIGGER,
    ),
    **dict.fromkeys("repeats repeat num_repeats".split(), REPEATS),
    **dict.fromkeys(
        "threshold general_threshold character_threshold caption_threshold tag_threshold confidence_threshold".split(),
        ONE_THRESHOLD,
    ),
    **dict.fromkeys(
        "keep_tokens shuffle_caption learning_rate lr epochs max_train_epochs max_train_steps network_dim network_rank "
        "network_alpha optimizer optimizer_type train_batch_size enable_bucket save_every_n_epochs lora_rank".split(),
        TRAINER,
    ),
    **dict.fromkeys(
        "blacklist tag_blacklist undesired_tags exclude_tags excluded_tags banned_tags remove_tags exclude".split(),
        FILTER,
    ),
    **dict.fromkeys(
        "prepend_tags append_tags additional_tags always_first_tags add_tags prefix caption_prefix".split(),
        "tags to add to each caption of a character are `characters.NAME.add`",
    ),
    **dict.fromkeys("drop_traits keep_traits prune_tags".split(), 'see `captions.traits = "drop"` or `"keep"`'),
    **dict.fromkeys(
        "remove_underscore remove_underscores replace_underscore replace_underscores underscores".split(),
        "to replace underscores by spaces, use `captions.spaces`",
    ),
    **dict.fromkeys(
        "caption_extension caption_ext".split(), "captions are .txt files, and OUT/kohya/dataset.toml says so"
    ),
    **dict.fromkeys("checkpoint ckpt weights model_path model_name".split(), "see `tagger.model`, `generator.model`"),
    **dict.fromkeys("negative_prompt negative_words".split(), "that is `generator.negative`"),
    **dict.fromkeys(
        "prompt positive_prompt quality_tags".split(), "words in front of each prompt are `generator.quality`"
    ),
    **dict.fromkeys("cfg cfg_scale guidance_scale".split(), "that is `generator.guidance`"),
    **dict.fromkeys("denoise denoising denoising_strength".split(), "that is `augmentation.strength`"),
    **dict.fromkeys("num_inference_steps sampling_steps".split(), "that is `generator.steps`"),
    **dict.fromkeys("width height size".split(), "see `generator.resolution` (drawn), `export.resolution` (trained)"),
    **dict.fromkeys("batch_size".split(), "see `tagger.batch`, `generator.batch`"),
    "seed": "the seed of a picture is a hash of its request; `--plan` shows it",
    **dict.fromkeys("out output output_dir output_folder".split(), "set the output folder with --out"),
    **dict.fromkeys("input input_dir src source".split(), "the folder of images is the argument of `prep run`"),
}


def meant(place: Sequence[str], is_table: bool, keys: Mapping[str, Sequence[str]]) -> str:
    """What to add to ``section.key` is unknown`. keys: section -> its keys; the empty name -> the sections.

    is_table: the value is a table, so that a section was meant.
    """
    *above, name = place
    section = ".".join(above)
    of_variant = len(above) > 2 and above[0] == "characters" and above[2] == "variants"
    if section.startswith("characters."):
        section = "characters.NAME"
    own = [key for key in keys.get(section, ()) if not (of_variant and key == "variants")]
    if not is_table and name.lower() in ELSEWHERE:
        return f": {ELSEWHERE[name.lower()]}"
    if not is_table and (homes := [each for each in keys if each and name in keys[each]]):
        *first, last = (f"`{home}.{name}`" for home in homes)
        return f". Did you mean {' or '.join(filter(None, (', '.join(first), last)))}?"
    if close := _near(name, own, ALIKE):
        return f". Did you mean `{close}`?"
    far = {key: f"{home}.{key}" for home in keys if home for key in keys[home]}
    if not is_table and (close := _near(name, far, FAR)):
        return f". Did you mean `{far[close]}`?"
    table = ". A character's table is [characters.NAME]" if is_table and not above else ""
    if is_table and section == "characters.NAME" and not of_variant:
        table = f". A variant's table is [{'.'.join(above)}.variants.{name}]"
    return f"{table}. Known: {', '.join(sorted(own))}"


def _near(name: str, known: Sequence[str] | Mapping[str, str], cutoff: float) -> str:
    return next(iter(difflib.get_close_matches(name, list(known), 1, cutoff)), "")
