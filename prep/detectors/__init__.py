"""What finds heads, faces, half bodies and persons in pictures, by name. A new detector is a file beside this one and a
line here; a package outside the project adds its own through the entry point group `prep.detectors`.

A maker is called with (name, files by part, options), cheaply, and returns a prep.protocols.Detector: it opens its
network when it first looks at a picture.
"""

from prep.registry import Family, ModelFile, ModelSpec


def _deepghs(name: str, repo: str, folder: str, megabytes: int, what: str, licence: str) -> ModelSpec:
    """A detector of deepghs: a folder of its repository, with the network, the names of its classes and its bound."""
    return ModelSpec(
        name,
        "detector",
        "prep.detectors.yolo:Yolo",
        (
            ModelFile(f"{folder}/model.onnx", megabytes, repo=repo),
            ModelFile(f"{folder}/labels.json", 0, part="labels", repo=repo),
            ModelFile(f"{folder}/threshold.json", 0, part="threshold", repo=repo),
        ),
        check="prep.detectors.yolo:check",
        what=f"finds {what}, for crops; needs onnxruntime",
        licence=licence,
        licence_url=f"https://huggingface.co/{repo}",
        runs_on="CPU",
        needs="onnxruntime",
    )


DETECTORS = Family(
    "crops.detector: no detector",
    "prep.detectors",
    {
        spec.name: spec
        for spec in (
            _deepghs("anime-head", "deepghs/anime_head_detection", "head_detect_v2.0_s_yv11", 38, "heads", "MIT"),
            _deepghs("anime-face", "deepghs/anime_face_detection", "face_detect_v1.4_s", 45, "faces", "MIT"),
            _deepghs(
                "anime-halfbody", "deepghs/anime_halfbody_detection", "halfbody_detect_v1.0_s", 45,
                "upper bodies", "OpenRAIL",
            ),
            _deepghs("anime-person", "deepghs/anime_person_detection", "person_detect_v1.1_m", 103, "persons", "MIT"),
        )
    },
    automatic=("anime-head", "anime-face", "anime-halfbody", "anime-person"),
    by_path="anime-head",
)  # fmt: skip
