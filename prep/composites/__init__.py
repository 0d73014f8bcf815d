"""Figures cut out of their pictures and set before drawn scenes. The matting models that help with it, by name.

A maker is called with (name, files by part, options) and returns prep.composites.matting.Matting.
"""

from prep.registry import Family, ModelFile, ModelSpec

MATTING = "prep.composites.matting:Matting"

MATTINGS = Family(
    "augmentation.matting: no matting model",
    "prep.mattings",
    {
        spec.name: spec
        for spec in (
            ModelSpec(
                "isnetis",
                "matting",
                MATTING,
                (ModelFile("isnetis.onnx", 176, repo="skytnt/anime-seg"),),
                what="cuts anime figures out of any background; needs onnxruntime",
                licence="Apache-2.0",
                licence_url="https://github.com/SkyTNT/anime-segmentation/blob/main/LICENSE",
                runs_on="CPU",
            ),
            ModelSpec("file", "matting", MATTING),
        )
    },
    automatic=("isnetis",),
    by_path="file",
)
