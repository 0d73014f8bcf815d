"""How SD3.5 would run in the memory that is here. Computed from the sizes of its weights; not measured on cards."""

from collections.abc import Sequence
from dataclasses import dataclass

from prep.machine.compute import Gpu

# Cards of N GB report a little less or more in bytes; activations and VAE come on top of the weights.
# (bytes of the card, the file in configs/, what, GB of weights at 1024 x 1024)
BY_CARD = (
    (22e9, "gpu-24gb.toml", "FP8 with adaLN in bf16, the blocks compiled, batch 4", 10.9),
    (15.5e9, "gpu-16gb.toml", "FP8 with adaLN in bf16, the blocks compiled, batch 2", 10.9),
    (11.5e9, "gpu-12gb.toml", "FP8, adaLN cache, batch 2", 5.6),
    (7.5e9, "gpu-8gb.toml", "FP8 with the adaLN cache, batch 1; or sd35-medium, 2.7 GB", 5.6),
)
CPU_BYTES = 23e9  # a machine of 24 GB
# 28 forwards of 19.9 s with the adaLN cache; 4 of 9.0 s. Seconds a forward as measured on two cores with AMX.
ON_CPU = (
    "--config configs/cpu.toml: on the CPU large takes some ten minutes a picture of 256 px, "
    "turbo one minute at 512 px (computed)"
)


@dataclass(frozen=True)
class Plan:
    """todo: not empty when SD3.5 does not fit."""

    text: str
    todo: str = ""


def plan_for(gpus: Sequence[Gpu], memory_bytes: int | None) -> Plan:
    """The plan for the largest card; without one that is large enough, for the CPU."""
    best = max((gpu for gpu in gpus if gpu.bytes), key=lambda gpu: gpu.bytes, default=None)
    for size, config, how, gigabytes in BY_CARD:
        if best and best.bytes >= size:
            fast = "with FP8 products" if best.fp8.startswith("products") else "FP8 as storage"
            told = f"on {best.name}: --config configs/{config}: {how}; {gigabytes} GB of weights"
            return Plan(f"{told}, {fast} (computed, not measured)")
    if memory_bytes and memory_bytes >= CPU_BYTES:
        return Plan(ON_CPU)
    return Plan(
        "this machine is too small to draw with it",
        "use a machine with a GPU from 8 GB, or with 24 GB of memory; tagging needs neither",
    )
