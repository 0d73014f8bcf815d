"""The taggers by name. A new one is a file beside this one and a line here; a package outside the project adds its own
through the entry point group `prep.taggers`.

A maker is called with (name, files by part, options) and returns a prep.protocols.Tagger.
"""

from dataclasses import replace

from prep.registry import HUB, ONNX, Family, ModelFile, ModelSpec

DEEPDANBOORU = "prep.taggers.deepdanbooru:DeepDanbooru"
LOOK = "prep.taggers.look:look"
RELEASE = "https://github.com/AUTOMATIC1111/TorchDeepDanbooru/releases/download/v1/model-resnet_custom_v3.pt"
SHA256 = "3841542cda4dd037da12a565e854b3347bb2eec8fbcd95ea3941b2c68990a355"  # from two places

TAGS = ModelFile("selected_tags.csv", part="tags")
PREPROCESS = ModelFile("preprocess.json", part="preprocess")
THRESHOLDS = ModelFile("thresholds.csv", part="thresholds")
IN_ONNX = {
    "role": "tagger",
    "maker": "prep.taggers.wd:Wd",
    "check": "prep.taggers.wd:check",
    "needs": "onnxruntime",
    "openvino": True,
    "runs_on": "CPU; GPU with onnxruntime-gpu",
}


def _wd(kind: str, megabytes: int, what: str) -> ModelSpec:
    repo = f"SmilingWolf/wd-{kind}-tagger-v3"
    files = (ModelFile(ONNX, megabytes, repo=repo), replace(TAGS, repo=repo))
    what = f"WD v3, {what}: 10,861 Danbooru tags of 2024; needs onnxruntime"
    licence = {"licence": "Apache-2.0", "licence_url": f"{HUB}/{repo}"}
    return ModelSpec(f"wd-{kind}-v3", files=files, what=what, **licence, **IN_ONNX)


PIXAI = "deepghs/pixai-tagger-v0.9-onnx"
WD = (
    _wd("swinv2", 467, "SwinV2, the best of its size"),
    _wd("eva02-large", 1260, "EVA-02 large"),
    _wd("vit", 379, "ViT"),
    _wd("convnext", 395, "ConvNeXt"),
)

TAGGERS = Family(
    "tagger.model: no tagger",
    "prep.taggers",
    {
        spec.name: spec
        for spec in (
            ModelSpec(
                "deepdanbooru-v3",
                "tagger",
                DEEPDANBOORU,
                (ModelFile("model-resnet_custom_v3.pt", 644, url=RELEASE, sha256=SHA256, confirmed=True),),
                what="DeepDanbooru v3: 9,176 Danbooru tags, 161 M parameters",
                licence="MIT (of the repository that publishes it; the weights have none of their own)",
                licence_url="https://github.com/AUTOMATIC1111/TorchDeepDanbooru/blob/master/LICENSE",
                runs_on="CPU or GPU",
                check=LOOK,
                openvino=True,
            ),
            ModelSpec(
                "starter-tagger",
                "tagger",
                DEEPDANBOORU,
                (ModelFile("tagger.safetensors", 5, packaged=True),),
                what="a small network of the same class, trained on the art in examples/; for trying prep out",
                licence="MIT",
                licence_url="prep/starter/TAGGER.md",
                runs_on="anywhere",
                check=LOOK,
                openvino=True,
            ),
            *WD,
            ModelSpec(
                "pixai-v0.9",
                files=(
                    ModelFile(ONNX, 1270, repo=PIXAI),  # by its 318 M parameters
                    *(replace(file, repo=PIXAI) for file in (TAGS, PREPROCESS, THRESHOLDS)),
                ),
                what="PixAI v0.9: 13,461 Danbooru tags of 2025, no ratings; needs onnxruntime",
                licence="Apache-2.0",
                licence_url=f"{HUB}/{PIXAI}",
                **IN_ONNX,
            ),
            ModelSpec("file", "tagger", DEEPDANBOORU, check=LOOK, openvino=True),
            ModelSpec(
                "wd",
                beside=(
                    ModelFile(ONNX),
                    TAGS,
                    *(replace(file, optional=True) for file in (PREPROCESS, THRESHOLDS)),
                ),
                **IN_ONNX,
            ),
            ModelSpec(
                "a1111",
                "tagger",
                "prep.taggers.remote:Remote",
                options="prep.taggers.remote:RemoteOptions",
                what="another machine's web UI (AUTOMATIC1111, Forge, SD.Next) or `prep serve`",
                remote=True,
            ),
        )
    },
    aliases={
        "starter": "starter-tagger",
        "pixai-tagger-v0.9": "pixai-v0.9",
        **{spec.files[0].repo.rpartition("/")[2]: spec.name for spec in WD},
    },
    automatic=("deepdanbooru-v3",),
    trial="starter-tagger",
    by_path="file",
    by_onnx="wd",
)
