"""The generators by name. A new one is a file or a folder beside this one and a line here; a package outside the
project adds its own through the entry point group `prep.generators`.

A maker is called with (name, files by part, options) and returns a prep.protocols.Generator.
"""

from dataclasses import replace

from prep.generators.sd35.family import SAMPLERS
from prep.registry import Family, ModelFile, ModelSpec

STABILITY = "Stability AI Community License (free below 1 million USD a year)"
STABILITY_URL = "https://stability.ai/community-license-agreement"
COMFY = "Comfy-Org/stable-diffusion-3.5-fp8"
TURBO_REPO = "stabilityai/stable-diffusion-3.5-large-turbo"
# sha256, as public pages give them: LARGE by two mirrors, the others by one.
LARGE = "5ad94d6f951556b1ab6b75930fd4effbafaf3130fe9df440e7f2d05a220dd1be"
MEDIUM = "1778e8857679042c176c21cd8a0da7b29bded68be018557477f84419df79bacf"
TURBO = "fb64610bf8d73eb064b8d528eef85d062bf2b4b1204ff7bc73e57ad28b24489c"

SD35 = ModelSpec(
    "file",
    "generator",
    "prep.generators.sd35.generator:SD35",
    options="prep.generators.sd35.options:SD35Options",
    section="sd35",
    parts=("vae", "clip_l", "clip_g", "t5"),
    samplers=SAMPLERS,
    absent="prep.generators.sd35.card:absent",
    check="prep.generators.sd35.look:check",
    licence=STABILITY,
    licence_url=STABILITY_URL,
    runs_on="GPU with 8 GB or more; a CPU takes minutes per picture",
)

GENERATORS = Family(
    "generator.model: no generator",
    "prep.generators",
    {
        spec.name: spec
        for spec in (
            replace(
                SD35,
                name="starter-generator",
                files=(ModelFile("generator.safetensors", 16, packaged=True),),
                what="a small SD3.5 with the same classes, trained on the art in examples/; for trying prep out",
                licence="MIT",
                licence_url="prep/starter/GENERATOR.md",
                runs_on="anywhere",
            ),
            replace(
                SD35,
                name="sd35-large-fp8",
                files=(
                    ModelFile("sd3.5_large_fp8_scaled.safetensors", 14_900, repo=COMFY, sha256=LARGE, confirmed=True),
                ),
                what="Stable Diffusion 3.5 large in scaled FP8, with text encoders and VAE",
            ),
            replace(
                SD35,
                name="sd35-medium",
                files=(
                    ModelFile("sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors", 11_600, repo=COMFY, sha256=MEDIUM),
                ),
                what="Stable Diffusion 3.5 medium in 16 bit, with text encoders in FP8",
            ),
            replace(
                SD35,
                name="sd35-large-turbo-fp8",
                files=(ModelFile("sd3.5_large_turbo.safetensors", 16_500, repo=TURBO_REPO, sha256=TURBO),),
                what="Stable Diffusion 3.5 large turbo in 16 bit, converted to FP8 as it loads; without text encoders",
                gated=True,
            ),
            SD35,
            ModelSpec(
                "a1111",
                "generator",
                "prep.generators.remote:Remote",
                options="prep.generators.remote:RemoteOptions",
                absent="prep.generators.remote:absent",
                what="another machine's web UI (AUTOMATIC1111, Forge, SD.Next, stable-diffusion.cpp) or `prep serve`",
                remote=True,
            ),
        )
    },
    aliases={"starter": "starter-generator"},
    automatic=("sd35-large-fp8", "sd35-large-turbo-fp8", "sd35-medium"),
    trial="starter-generator",
    by_path="file",
)
