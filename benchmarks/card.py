"""One run on one GPU: does prep draw and tag there, how fast, and in how much memory.

    python benchmarks/card.py --out DIR [--size large|tiny] [--device cuda|cpu] [--seconds 330] [--only SECTION ...]

Weights are made up, in the real shapes: 14.9 GB for SD3.5-large and 644 MB for DeepDanbooru v3, in a temporary folder
(TMPDIR names another; one in memory is quickest). `--size tiny --device cpu` runs the same sections on a CPU, in
seconds; its figures mean nothing. benchmarks/card.sh starts it where nothing can be installed from the network.

Each finding is a JSON line on stdout and in DIR/card.jsonl, to which runs append. What does not fit into the seconds is
skipped, with a line that says so; the sections that matter most come first. An error ends its section only. The last
line, in JSON, is the summary; the exit code is 1 when a section failed.
"""

import argparse
import gc
import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"  # of torchvision, which nothing needs
os.environ["HF_HUB_OFFLINE"] = "1"
import diffusers
import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.card_draw import draw, encode, memory, preset
from benchmarks.card_file import weights
from benchmarks.card_run import Run, Section, run_section
from benchmarks.card_small import small
from benchmarks.card_tagger import tagger
from benchmarks.made_up import GB, folder_for
from prep.generators.sd35.products import way_to_multiply
from prep.machine.compute import look
from prep.tensors.device import largest_card


def environment(run: Run) -> None:
    """The versions, the card, and what `prep doctor` finds of it."""
    versions = {each.__name__: each.__version__ for each in (torch, diffusers, transformers)}
    way, why = way_to_multiply(largest_card() if run.cuda else torch.device("cpu"))
    products = way or why
    run.say(**versions, cuda=torch.version.cuda, fp8_products=products, doctor=asdict(look()))


def file(run: Run) -> None:
    """The weights are written here, unless an earlier section wanted them."""
    write = partial(weights, run.folder, run.size, run.device)
    seconds = run.seconds_of(write)
    run.say(file_gb=round(write().stat().st_size / GB, 4), write_s=round(seconds, 1), folder=run.folder)


def draw_preset(run: Run, name: str, **more) -> None:
    draw(run, **{**preset(name), **more})


SECTIONS = (
    Section("environment", 0, environment),
    Section("small", 40, small),
    Section("file", 40, file),
    Section("encode", 20, encode),
    Section("draw-fp8", 25, partial(draw, batches=(1, 4), whole=True)),
    Section("draw-gpu-24gb", 60, partial(draw_preset, name="gpu-24gb", batches=(1, 4), whole=True)),
    Section("draw-bf16", 15, partial(draw, quantise="none")),
    Section("draw-products", 15, partial(draw, fp8_products=True)),
    Section("draw-gpu-12gb", 25, partial(draw_preset, name="gpu-12gb", batches=(1, 2), compile=False)),
    Section("memory", 60, memory),
    Section("tagger", 35, tagger),
    Section("draw-fp8-compiled", 40, partial(draw, compile=True)),
    Section("draw-bf16-compiled", 40, partial(draw, quantise="none", compile=True)),
)


def summary(run: Run, sections: list[str]) -> dict:
    return {
        "benchmark": "card",
        "size": run.size,
        "device": run.device,
        "seconds": round(run.elapsed_seconds, 1),
        "sections": sections,
        "skipped": run.skipped,
        "failed": run.failed,
    }


def main() -> int:
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder of card.jsonl")
    parser.add_argument("--size", choices=["large", "tiny"], default="large")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=330, help="sections that would end later are skipped")
    parser.add_argument("--compile-tiny", action="store_true", help="compile tiny models too, for minutes on a CPU")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="SECTION", help=", ".join(names))
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch finds no NVIDIA GPU here. `--size tiny --device cpu` runs the same sections on a CPU")
    if arguments.device == "cuda":
        torch.cuda.set_device(largest_card())  # where prep draws
    if arguments.size == "tiny":
        torch.set_num_threads(1)  # small models only wait for a second thread
    arguments.out.mkdir(parents=True, exist_ok=True)
    gc.freeze()  # the libraries' own objects stay: each collection would walk all of them
    with folder_for(arguments.size) as folder:
        run = Run(
            size=arguments.size,
            device=arguments.device,
            out=arguments.out,
            folder=folder,
            limit_seconds=arguments.seconds,
            compile_tiny=arguments.compile_tiny,
        )
        wanted = [section for section in SECTIONS if section.name in arguments.only]
        for section in wanted:
            run_section(run, section)
        run.write(summary(run, [section.name for section in wanted]))
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
