"""The taggers by name. A new one is a file beside this one and a line here; a package outside the project adds its own
through the entry point group `prep.taggers`.

A maker is called with (name, files by part, options) and returns a prep.protocols.Tagger.
"""

from prep.registry import Family, ModelFile, ModelSpec

DEEPDANBOORU = "prep.taggers.deepdanbooru:DeepDanbooru"
LOOK = "prep.taggers.look:look"
RELEASE = "https://github.com/AUTOMATIC1111/TorchDeepDanbooru/releases/download/v1/model-resnet_custom_v3.pt"
SHA256 = "3841542cda4dd037da12a565e854b3347bb2eec8fbcd95ea3941b2c68990a355"  # from two places

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
            ),
            ModelSpec("file", "tagger", DEEPDANBOORU, check=LOOK),
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
    aliases={"starter": "starter-tagger"},
    automatic=("deepdanbooru-v3",),
    trial="starter-tagger",
    by_path="file",
)
