"""A web UI as a process of its own, which reads and draws with the starter models: `python -m ... PORT SEEDS`.

SEEDS: a file that gets a line for each picture that was drawn, so that it outlives the process.
"""

import base64
import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from prep.generators import GENERATORS
from prep.models.known import PACKAGE
from prep.taggers import TAGGERS
from prep.types import Picture
from tests.support.members import made
from tests.support.web_ui import WebUI, serving

SHORT = {"Euler": "euler", "Euler a": "euler_a", "DPM++ 2M": "dpmpp_2m"}


class StarterUI(WebUI):
    def __init__(self, seeds: Path) -> None:
        reader, drawer = TAGGERS.members["starter-tagger"], GENERATORS.members["starter-generator"]
        self.tagger = made(reader, {"model": PACKAGE / reader.files[0].name}, device="cpu")
        self.generator = made(drawer, {"model": PACKAGE / drawer.files[0].name}, device="cpu")
        self.seeds, self.kept = seeds, Path(tempfile.mkdtemp())
        super().__init__(read=self._tags)

    def _tags(self, pixels: np.ndarray) -> dict[str, float]:
        (scores,) = self.tagger.scores(self.tagger.prepare(pixels)[None])
        return {name: round(float(score), 3) for name, score in zip(self.tagger.vocabulary.names, scores, strict=True)}

    def _drawn(self, body: dict) -> dict:
        parents = {}
        if "init_images" in body:
            parents["it"] = np.asarray(Image.open(io.BytesIO(base64.b64decode(body["init_images"][0]))))
        picture = Picture(
            prompt=body["prompt"], negative=body["negative_prompt"], width=body["width"], height=body["height"],
            steps=body["steps"], guidance=body["cfg_scale"], sampler=SHORT[body["sampler_name"]],
            strength=body.get("denoising_strength"), parent="it" if parents else None, index=0, generator="starter",
            weights="", precision="",
        )  # fmt: skip
        picture.__dict__["seed"] = body["seed"]  # instead of one of its own
        self.generator.encode([picture], self.kept)
        ((_, pixels),) = self.generator.draw([picture], parents, self.kept)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        with self.seeds.open("a") as lines:
            lines.write(f"{body['seed']}\n")
        return {"images": [base64.b64encode(file.getvalue()).decode()], "info": '{"sd_model_name": "anime"}'}


if __name__ == "__main__":
    with serving(StarterUI(Path(sys.argv[2])), int(sys.argv[1])):
        print("ready", flush=True)
        while True:
            time.sleep(60)
