"""How SD3.5 would run in this machine's memory. The numbers are in expected.py: computed, not measured on cards."""

from collections.abc import Sequence
from dataclasses import dataclass

from prep.machine.compute import Gpu
from prep.machine.expected import PRESETS, SLOWER, seconds

LEAST_SHARE = 0.94  # cards of N GB report slightly less or more in bytes
BF16_CAPABILITY = (8, 0)
FLOAT32_MORE = 1.3  # what activations in float32 need besides: 9.4 GB instead of 7.9 with one picture [estimate]
CPU_BYTES = 23e9  # a machine of 24 GB
# 28 forwards of 19.9 s with the adaLN cache; 4 of 9.0 s. Seconds per forward measured on two cores with AMX.
ON_CPU = (
    "--config configs/cpu.toml: on the CPU, large takes about ten minutes per picture at 256 px, "
    "turbo one minute at 512 px (computed from forwards measured on two cores with AMX); turbo needs 17 GB"
)


@dataclass(frozen=True)
class Plan:
    """todo: not empty when SD3.5 does not fit."""

    text: str
    todo: str = ""


def plan_for(gpus: Sequence[Gpu], memory_bytes: int | None) -> Plan:
    """The plan for the largest card; for the CPU if no card is large enough."""
    best = max((gpu for gpu in gpus if gpu.bytes), key=lambda gpu: gpu.bytes, default=None)
    old = bool(best and best.capability and best.capability < BF16_CAPABILITY)
    for preset in PRESETS:
        if old and not preset.adaln_cache:  # its adaLN would be in float32: twice the size
            continue
        if best and best.bytes >= preset.card_gb * 1e9 * LEAST_SHARE * (FLOAT32_MORE if old else 1):
            multiplies = preset.fp8_products and best.fp8.startswith("products")
            fast = "with FP8 products" if multiplies else "with FP8 as storage"
            fast += ", in float32, since this card cannot multiply in bfloat16: slow" if old else ""
            setup = f"on {best.name}: --config configs/{preset.config}: {preset.how}, {fast}"
            tiled = "" if preset.fits else f" ({preset.tiled_gb:.1f} GB with the VAE in tiles)"
            memory = f"{preset.weights_gb:.1f} GB of weights, {preset.peak_gb:.1f} GB{tiled} at the peak"
            return Plan(f"{setup}; {memory}; {_time(best)} (computed, not measured on a card)")
    if memory_bytes and memory_bytes >= CPU_BYTES:
        return Plan(ON_CPU)
    return Plan(
        "this machine has too little memory to draw with it",
        "use a machine with a GPU of 8 GB or more, or with 24 GB of memory; tagging needs neither",
    )


def _time(gpu: Gpu) -> str:
    if not gpu.tflops:
        return "the time per picture is unknown, since no matrix product could be timed"
    low, high = (times * seconds("sd35-large-fp8", gpu.tflops) for times in SLOWER)
    return f"{low:.0f} to {high:.0f} s per picture at 1024 px, from {gpu.tflops:.0f} TFLOPS in bf16 timed on it"
