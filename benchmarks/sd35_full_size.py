"""Loading SD3.5-large in FP8 at full size: seconds, peak resident memory, and a forward at 256 px that is finite.

    python benchmarks/sd35_full_size.py [--size large|medium|tiny] [--layout fp8-scaled]

Writes a file of SD3.5-large's shapes with made-up weights (8.2 GB) to a temporary folder, loads it in a process of
its own with nothing else in it, and removes it. On demand, with nothing else running: it needs 17 GB of disk while it
writes and 12 GB of memory, and says so where they are not. To reach: a peak of 10.5 GB. The last line is JSON.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

GB = 1e9
# Size -> (GB of disk: the tensors' bytes twice, since they are written before their header; GB of memory).
NEEDS = {"large": (17.0, 12.0), "medium": (6.5, 5.0), "tiny": (0.1, 1.0)}
SIDE_PX = 256


def load_and_draw(path: Path) -> dict:
    """One load and one forward, as JSON's figures."""
    import torch

    from prep.generators._load import check_transformer, load_transformer

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
        raise SystemExit("the forward is not finite")
    check_transformer(model)
    return {
        "load_seconds": round(loaded - started, 2),
        "peak_resident_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB, 2),
        "forward_seconds": round(seconds, 2),
    }


def missing(folder: Path, size: str) -> str:
    """What this machine lacks, in a sentence; empty when there is enough."""
    disk_gb, memory_gb = NEEDS[size]
    free_gb = shutil.disk_usage(folder).free / GB
    if free_gb < disk_gb:
        return f"{size} needs {disk_gb} GB of disk, {free_gb:.1f} are free in {folder}; TMPDIR names another folder"
    memory = Path("/proc/meminfo")
    if memory.is_file():
        lines = dict(line.split(":") for line in memory.read_text().splitlines())
        available_gb = int(lines["MemAvailable"].split()[0]) * 1024 / GB
        if available_gb < memory_gb:
            return f"{size} needs {memory_gb} GB of memory, {available_gb:.1f} are available"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=NEEDS, default="large")
    parser.add_argument("--layout", choices=["bf16", "fp8", "fp8-scaled", "fp8-scaled2"], default="fp8-scaled")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(load_and_draw(arguments.load)))
        return
    with tempfile.TemporaryDirectory(prefix="prep-sd35-") as name:
        if sentence := missing(Path(name), arguments.size):
            print(sentence)
            return
        path = Path(name) / f"sd35-{arguments.size}.safetensors"
        made = [ROOT / "tests/sd35/make_checkpoint.py", path, "--size", arguments.size, "--layout", arguments.layout]
        subprocess.run([sys.executable, *map(str, made)], check=True)
        print(f"{path.name}: {path.stat().st_size / GB:.2f} GB, {arguments.layout}")
        alone = [sys.executable, str(Path(__file__).resolve()), "--load", str(path)]
        done = subprocess.run(alone, check=True, capture_output=True, text=True)
    print(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
