"""[generator.sd35] in the settings: options that only SD3.5 has. No torch."""

from typing import Literal

from prep.options import FilePath, GeneratorOptions

PARTS = ("vae", "clip_l", "clip_g", "t5")  # parts that may have files of their own


class SD35Options(GeneratorOptions):
    vae: FilePath = ""
    clip_l: FilePath = ""
    clip_g: FilePath = ""
    t5: FilePath = ""
    with_t5: bool = True
    quantise: Literal["stored", "all", "blocks", "none"] = "stored"
    adaln_cache: bool = False
    offload: Literal["none", "model", "group"] = "none"
    compile: bool = False
    fp8_products: bool = False
