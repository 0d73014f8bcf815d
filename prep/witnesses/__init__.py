"""What a drawn picture is judged by beside its tags, by name: whether it shows the same character, whether it is whole.
A new witness is a file beside this one and a line here; a package outside the project adds its own through the entry
point group `prep.witnesses`.

A maker is called with (name, files by part, options), cheaply, and returns a prep.protocols.Witness: it opens its
network when it first looks at a picture.
"""

from prep.registry import Family, ModelFile, ModelSpec

CCIP = "deepghs/ccip_onnx"
CCIP_VARIANT = "ccip-caformer-24-randaug-pruned"
CORRUPTED = "deepghs/ai_image_corrupted"
CORRUPTED_VARIANT = "caformer_s36_v0_focal"
NEEDS = "onnxruntime"

WITNESSES = Family(
    "check: no witness",
    "prep.witnesses",
    {
        spec.name: spec
        for spec in (
            ModelSpec(
                "ccip",
                "witness",
                "prep.witnesses.ccip:Ccip",
                (
                    ModelFile(f"{CCIP_VARIANT}/model_feat.onnx", 150, repo=CCIP),
                    ModelFile(f"{CCIP_VARIANT}/model_metrics.onnx", 1, part="metrics", repo=CCIP),
                    ModelFile(f"{CCIP_VARIANT}/metrics.json", 0, part="threshold", repo=CCIP),
                ),
                check="prep.witnesses.ccip:check",
                what="CCIP: how different the characters of two pictures are; needs onnxruntime",
                licence="OpenRAIL",
                licence_url=f"https://huggingface.co/{CCIP}",
                runs_on="CPU",
                needs=NEEDS,
            ),
            ModelSpec(
                "ai-corrupted",
                "witness",
                "prep.witnesses.corrupted:Corrupted",
                (
                    ModelFile(f"{CORRUPTED_VARIANT}/model.onnx", 150, repo=CORRUPTED),
                    ModelFile(f"{CORRUPTED_VARIANT}/meta.json", 0, part="labels", repo=CORRUPTED),
                ),
                check="prep.witnesses.corrupted:check",
                what="whether a drawn picture is broken: hands, faces, smears; needs onnxruntime",
                licence="as its page says",
                licence_url=f"https://huggingface.co/{CORRUPTED}",
                runs_on="CPU",
                needs=NEEDS,
            ),
            ModelSpec(
                "starter-witness",
                "witness",
                "prep.witnesses.starter:StarterWitness",
                (ModelFile("witness.safetensors", 2, packaged=True),),
                check="prep.witnesses.starter:check",
                what="whether a picture by the starter generator is broken; judges no other pictures",
                licence="MIT",
                licence_url="prep/starter/WITNESS.md",
                runs_on="anywhere",
            ),
        )
    },
    trial="starter-witness",
    by_path="ai-corrupted",
)
AUTOMATIC = {"identity": "ccip", "damage": "ai-corrupted"}  # by what a witness is about
