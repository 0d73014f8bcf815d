"""Loading SD3.5-large in FP8 at full size: seconds, peak resident memory, and a forward at 256 px that is finite.

    python benchmarks/sd35_full_size.py [--size large|medium|tiny] [--layout fp8-scaled]

Writes a file of SD3.5-large's shapes with made-up weights (8.2 GB) to a temporary folder, loads it in a process of
its own with nothing else in it, and removes it. On demand, with nothing else running: it needs 17 GB of disk while it
writes and 12 GB of memory, and says so where they are not. The file was just written, so the disk is not in the
seconds. To reach: a peak of 10.5 GB over the whole process. The last line is JSON.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from made_up import GB, NEEDS, alone, weights

SIDE_PX = 256


def load_and_draw(path: Path) -> dict:
    """One load and one forward of one row, as JSON's figures. Leaves with a sentence when it is not finite."""
    import torch

    from prep.generators.sd35.load import check_transformer, load_transformer

    started = time.perf_counter()
    model = load_transformer(path, torch.bfloat16)
    loaded = time.perf_counter()
    config, side = model.config, min(SIDE_PX // 8, model.config.pos_embed_max_size * model.config.patch_size)
    numbers = torch.Generator().manual_seed(1)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=numbers).to(torch.bfloat16)

    with torch.inference_mode():
        begun = time.perf_counter()
        answer = model(
            hidden_states=noise(1, config.in_channels, side, side),
            encoder_hidden_states=noise(1, 333, config.joint_attention_dim),
            pooled_projections=noise(1, config.pooled_projection_dim),
            timestep=torch.tensor([500.0]),
            return_dict=False,
        )[0]
        seconds = time.perf_counter() - begun
    if not answer.isfinite().all():
        sys.exit("the forward is not finite")
    check_transformer(model)
    held = sum(value.nbytes for value in model.state_dict().values())
    return {
        "load_seconds": round(loaded - started, 2),
        "weights_gb": round(held / GB, 2),
        "forward_seconds": round(seconds, 2),
        "finite": True,
        "peak_resident_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=NEEDS, default="large")
    parser.add_argument("--layout", choices=["bf16", "fp8", "fp8-scaled", "fp8-scaled2"], default="fp8-scaled")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(load_and_draw(arguments.load)))
        return
    with weights(arguments.size, arguments.layout) as path:
        found = alone(__file__, "--load", str(path))
    print(json.dumps({"benchmark": "sd35 full size", "size": arguments.size, "layout": arguments.layout, **found}))


if __name__ == "__main__":
    main()
