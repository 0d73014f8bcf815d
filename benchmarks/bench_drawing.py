"""Drawing: pictures a second with the starter generator, four at once against one by one; edits against img2img of the
same strength; and prompts encoded once against prompts encoded for each picture, with two text encoders of CLIP-L's
published size.

    python benchmarks/bench_drawing.py [--pictures 16]

Where the starter's weights are not here, a tiny model of the tests takes their place. One thread: small models only
wait for a second. On a CPU each picture of a batch is drawn as it is alone, to the bit, so a batch gains little there.
The prompts are those of a set: half as many as pictures, and one negative for all. An edit asks the model twice per
step, so img2img draws about two in the time of one. The ratios are what counts. The last
line is JSON.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"  # of torchvision, which nothing needs
import torch
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.generators.sd35.batches import texts_of
from prep.generators.sd35.encoding import CLIPS, Encoding
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.generators.sd35.prompts_cache import PromptsCache
from prep.models import locate
from prep.types import GenerationRequest
from tests.support.tiny import PARENTS, REQUEST, WORDS, tiny_model, tokenizer

TIMES = 3  # of which the best counts, by turns: what else the machine does hits all alike
TOKENS = 77
STRENGTH = 0.8


def generator(model: Path, batch: int) -> SD35:
    return SD35(model.stem, {"model": model}, SD35Options(device="cpu", batch=batch, offline=True))


def requests(drawing: SD35, count: int) -> list[GenerationRequest]:
    card = drawing.card
    width, height = card.size(1, 1)
    manner = dict(width=width, height=height, steps=card.steps, guidance=card.guidance)
    return [replace(REQUEST, index=at, prompt=f"1girl, solo, smile, {at // 2}", **manner) for at in range(count)]


def from_parents(asked: list[GenerationRequest]) -> tuple[list[GenerationRequest], list[GenerationRequest]]:
    """(edits, img2img) of the same strength."""
    how = dict(strength=STRENGTH, parent="a")
    edit = dict(manner="edit", source="1girl, solo, frown", source_guidance=1.5)
    return [replace(request, **how, **edit) for request in asked], [replace(request, **how) for request in asked]


def encoders() -> Encoding:
    """Two of CLIP-L's 123 million parameters, made up, in bfloat16."""
    config = CLIPTextConfig(vocab_size=len(WORDS), hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                            num_attention_heads=12, max_position_embeddings=TOKENS, projection_dim=768)  # fmt: skip
    models = {name: CLIPTextModelWithProjection(config).eval().to(torch.bfloat16) for name in CLIPS}
    words = tokenizer()
    words.model_max_length = TOKENS
    return Encoding(models.get, dict.fromkeys(CLIPS, words), torch.device("cpu"), torch.bfloat16, TOKENS, 1536)


def once(encode: Encoding, asked: list[GenerationRequest]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = PromptsCache(Path(folder), "")
        cache.encode([text for request in asked for text in (request.prompt, request.negative)], encode)
        for request in asked:
            cache.read(request.prompt), cache.read(request.negative)


def for_each(encode: Encoding, asked: list[GenerationRequest]) -> None:
    for request in asked:
        for text in texts_of(request):
            dict(encode([text]))


def best(*ways: Callable[[], None]) -> list[float]:
    """Seconds of each."""
    found = [[] for _ in ways]
    for _ in range(TIMES):
        for way, seconds in zip(ways, found, strict=True):
            started = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - started)
    return [min(seconds) for seconds in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder, starter = Path(name), locate("starter-generator")
        model = starter.path if starter else tiny_model(folder)
        kept = folder / "encoded"
        four, one = (generator(model, batch) for batch in (4, 1))
        asked = requests(four, arguments.pictures)
        for drawing in (four, one):
            drawing.encode(asked, kept)
            drawing.open()
        edits, img2img = from_parents(asked)
        four.encode([*edits, *img2img], kept)
        four.open()
        ways = (four, asked), (one, asked), (four, edits), (four, img2img)
        together, alone, edited, from_picture = best(
            *(lambda drawing=drawing, each=each: list(drawing.draw(each, PARENTS, kept)) for drawing, each in ways)
        )
    encode, few = encoders(), asked[:8]
    encoded_once, again = best(lambda: once(encode, few), lambda: for_each(encode, few))
    count = len(asked)
    which = f"{model.stem}, {asked[0].width} px, {asked[0].steps} steps"
    print(f"{which}: {count / together:.2f} pictures/s four at once, {count / alone:.2f} one by one")
    print(f"strength {STRENGTH}: {count / edited:.2f} edits/s, {count / from_picture:.2f} pictures/s by img2img")
    print(f"prompts of {len(few)} pictures: {encoded_once:.2f} s encoded once, {again:.2f} s for each picture")
    rates = {
        "batch_4": round(count / together, 3),
        "batch_1": round(count / alone, 3),
        "ratio": round(alone / together, 2),
    }
    prompts = {"once_s": round(encoded_once, 3), "for_each_s": round(again, 3), "ratio": round(again / encoded_once, 2)}
    by_edits = {
        "edits": round(count / edited, 3),
        "img2img": round(count / from_picture, 3),
        "ratio": round(from_picture / edited, 2),
    }
    found = {"pictures_per_s": rates, "from_parents_per_s": by_edits, "prompts": prompts}
    print(json.dumps({"benchmark": "drawing", "model": which, **found}))


if __name__ == "__main__":
    main()
