"""What the adaLN cache gains: weights in memory and seconds a forward, with it and without, to the same bits.

    python benchmarks/sd35_adaln.py [--size medium|large|tiny] [--px 256]

Writes a scaled FP8 file of that size with made-up weights (medium: 2.5 GB) to a temporary folder, loads it twice, each
time in a process of its own, and removes it. A forward has the two rows of a guided picture; the cache is filled once
for 28 steps. On demand, with nothing else running. The last line is JSON.
"""

import argparse
import hashlib
import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from made_up import GB, NEEDS, alone, weights

STEPS, ROWS, FORWARDS = 28, 2, 3


def measure(path: Path, px: int, cached: bool) -> dict:
    import torch

    from prep.generators.sd35.adaln import AdalnCache
    from prep.generators.sd35.load import load_transformer

    model = load_transformer(path, torch.bfloat16)
    config, numbers = model.config, torch.Generator().manual_seed(1)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(ROWS, *shape, generator=numbers).to(torch.bfloat16)

    side = min(px // 8, config.pos_embed_max_size * config.patch_size)
    given = dict(
        hidden_states=noise(config.in_channels, side, side),
        encoder_hidden_states=noise(333, config.joint_attention_dim),
        pooled_projections=noise(config.pooled_projection_dim),
    )
    steps, told = torch.linspace(1000, 30, STEPS), {}
    if cached:
        cache, started = AdalnCache(model, path), time.perf_counter()
        cache.prepare(steps, given["pooled_projections"])
        told = {"fill_seconds": round(time.perf_counter() - started, 2), "cache_mb": round(cache.bytes / 1e6, 1)}
    seconds, answers = [], hashlib.sha256()
    with torch.inference_mode():
        for step in steps[:FORWARDS]:
            started = time.perf_counter()
            answer = model(**given, timestep=step.expand(ROWS), return_dict=False)[0]
            seconds.append(time.perf_counter() - started)
            answers.update(answer.view(torch.uint8).numpy())
    return {
        "weights_gb": round(sum(value.nbytes for value in model.state_dict().values()) / GB, 3),
        "forward_seconds": round(min(seconds), 2),
        **told,
        "peak_resident_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB, 2),
        "answers": answers.hexdigest(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=NEEDS, default="medium")
    parser.add_argument("--px", type=int, default=256)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cached", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(measure(arguments.load, arguments.px, arguments.cached)))
        return
    with weights(arguments.size, "fp8-scaled") as path:
        asked = "--load", str(path), "--px", str(arguments.px)
        plain, cached = alone(__file__, *asked), alone(__file__, *asked, "--cached")
    same = plain.pop("answers") == cached.pop("answers")
    ratios = {
        "weights_ratio": round(cached["weights_gb"] / plain["weights_gb"], 3),
        "forward_ratio": round(cached["forward_seconds"] / plain["forward_seconds"], 3),
    }
    told = {"size": arguments.size, "px": arguments.px, "plain": plain, "cached": cached, **ratios, "same_bits": same}
    print(json.dumps({"benchmark": "sd35 adaln cache", **told}))


if __name__ == "__main__":
    main()
