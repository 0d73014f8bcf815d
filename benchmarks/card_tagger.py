"""DeepDanbooru v3 at full size against the answers of a correct network, and its pace in every dtype."""

from pathlib import Path

import numpy as np
import torch

from benchmarks.card_run import Run
from benchmarks.made_up import ROOT
from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from tests.support.pictures import tiny_checkpoint
from tests.v3.make_checkpoint import make

EXPECTED = ROOT / "tests" / "v3" / "expected-seed1.npz"
TIMES = 8  # batches per measurement; on a CPU one


def tagger(run: Run) -> None:
    """On a CPU in float32 alone, in a small batch: there the question is whether it runs."""
    path = run.folder / ("v3.pt" if run.size == "large" else "v3.safetensors")
    probes, expected = (full_size if run.size == "large" else tiny)(path)
    for dtype in (torch.float32, torch.bfloat16, torch.float16) if run.cuda else (torch.float32,):
        for batch in (8, 32, 64) if run.cuda else (2,):
            run.clean()
            options = TaggerOptions(device=run.device, batch=batch)
            network = DeepDanbooru("v3", {"model": path}, options, dtype)
            off = float(np.abs(network.scores(probes) - expected).max())
            name = str(dtype).removeprefix("torch.")
            run.say(dtype=name, batch=network.batch_size, scores_off=round(off, 6), **pace(run, network), **run.peak())
            del network
    path.unlink()


def full_size(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Writes 644 MB -> (two inputs: float32 [2, 512, 512, 3], their scores: float32 [2, 9176])."""
    make(path, 1)
    known = np.load(EXPECTED)
    seeds = [int(known[f"probe_{at}"]) for at in (0, 1)]
    probes = [np.random.default_rng(seed).random((512, 512, 3), np.float32) for seed in seeds]
    return np.stack(probes), np.stack([known[f"probs_{at}"].reshape(-1) for at in (0, 1)])


def tiny(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same of a small network, as a CPU answers."""
    tiny_checkpoint(path)
    network = DeepDanbooru("v3", {"model": path}, TaggerOptions(device="cpu", batch=2), torch.float32)
    probes = np.random.default_rng(0).random((2, network.side_px, network.side_px, 3), np.float32)
    return probes, network.scores(probes)


def pace(run: Run, network: DeepDanbooru) -> dict:
    """Images per second: from an array to scores in an array, and the network alone, its input on the device."""
    batch, side = network.batch_size, network.side_px
    images = np.random.default_rng(1).random((batch, side, side, 3), np.float32)
    given = torch.from_numpy(images).to(network.device, network.dtype)
    times = TIMES if run.cuda else 1

    def whole() -> None:
        for _ in range(times):
            network.scores(images)

    @torch.inference_mode()
    def alone() -> None:
        for _ in range(times):
            network.network.logits(given)

    network.scores(images)  # chooses kernels
    count = times * batch
    return {
        "images_per_s": round(count / run.seconds_of(whole), 1),
        "images_per_s_network_alone": round(count / run.seconds_of(alone), 1),
    }
