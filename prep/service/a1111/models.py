"""What clients send: A1111's fields with A1111's defaults. Unknown fields are ignored, and null is the default."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_PROMPT = 100_000  # letters
LONGEST_SIDE_PX = 16_384
MOST_TAGS = 512  # SD.Next's own limit

Text = Annotated[str, Field(max_length=LONGEST_PROMPT)]  # with a limit, pydantic also refuses half a surrogate pair
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=LONGEST_SIDE_PX)]


class Asked(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if value is not None} if type(values) is dict else values


class Interrogate(Asked):
    image: str | None = None
    model: Text = "clip"
    threshold: Share | None = None  # A1111 has none: an extension


class Tagger(Asked):
    """SD.Next's."""

    image: str | None = None
    model: Text = "wd-eva02-large-tagger-v3"
    threshold: Share = 0.5
    character_threshold: Share = 0.85
    max_tags: int = Field(74, ge=1, le=MOST_TAGS)
    include_rating: bool = False
    sort_alpha: bool = False
    use_spaces: bool = False
    escape_brackets: bool = True
    exclude_tags: Text = ""
    show_scores: bool = False


class ExtensionTagger(Asked):
    """The extension wd14-tagger's."""

    image: str | None = None
    model: Text = "wd14-vit-v2-git"
    threshold: Share = 0.35


class PngInfo(Asked):
    image: str = ""


class Text2Image(Asked):
    prompt: Text = ""
    negative_prompt: Text = ""
    styles: list[Text] | None = None
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: Text | None = None
    sampler_index: Text = "Euler"
    scheduler: str | None = None
    batch_size: int = Field(1, ge=1)
    n_iter: int = Field(1, ge=1)
    steps: int = 50
    cfg_scale: float = 7.0
    width: Side = 512
    height: Side = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    denoising_strength: Share | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    enable_hr: bool = False
    script_name: Text | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[Text, Any] = {}
    # Accepted for the clients that send them; none of them changes anything.
    eta: Any = None
    s_churn: Any = None
    s_tmax: Any = None
    s_tmin: Any = None
    s_noise: Any = None
    s_min_uncond: Any = None
    do_not_save_samples: Any = False
    do_not_save_grid: Any = False
    disable_extra_networks: Any = False
    refiner_checkpoint: Any = None
    refiner_switch_at: Any = None
    firstphase_width: Any = 0
    firstphase_height: Any = 0
    hr_scale: Any = 2.0
    hr_upscaler: Any = None
    hr_second_pass_steps: Any = 0
    hr_resize_x: Any = 0
    hr_resize_y: Any = 0
    hr_checkpoint_name: Any = None
    hr_sampler_name: Any = None
    hr_scheduler: Any = None
    hr_prompt: Any = ""
    hr_negative_prompt: Any = ""
    force_task_id: Any = None
    infotext: Any = None


class Image2Image(Text2Image):
    init_images: list[str] | None = None
    denoising_strength: Share = 0.75
    resize_mode: int = Field(0, ge=0, le=3)
    mask: str | None = None
    mask_blur: int = Field(4, ge=0, le=256)  # pixels
    inpainting_mask_invert: int = 0
    include_init_images: bool = False
    # As above:
    mask_blur_x: Any = 4
    mask_blur_y: Any = 4
    image_cfg_scale: Any = None
    inpainting_fill: Any = 0
    inpaint_full_res: Any = True
    inpaint_full_res_padding: Any = 0
    initial_noise_multiplier: Any = None
