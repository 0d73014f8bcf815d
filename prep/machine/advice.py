"""How SD3.5 would run in the memory that is here. Computed from the sizes of its weights; not measured on cards."""

from collections.abc import Sequence
from dataclasses import dataclass

from prep.machine.compute import Gpu

# Cards of N GB report a little less or more in bytes; activations and VAE come on top of the weights.
# (bytes of the card, what, GB of weights at 1024 x 1024)
BY_CARD = (
    (22e9, "FP8 or bf16, the blocks compiled, batch 2 to 4", 16.3),
    (15.5e9, "FP8 with adaLN in bf16, batch 1 or 2", 10.9),
    (11.5e9, "FP8, adaLN cache, batch 1", 8.2),
    (7.5e9, "FP8 with the adaLN cache and VAE tiling, batch 1; or sd35-medium, 2.7 GB", 5.6),
)
CPU_BYTES = 23e9  # a machine of 24 GB
# 28 forwards of 19.9 s with the adaLN cache; 4 of 9.0 s. Seconds a forward as measured on two cores with AMX.
ON_CPU = "on the CPU large takes some ten minutes a picture of 256 px, turbo one minute at 512 px (computed)"


@dataclass(frozen=True)
class Plan:
    """todo: not empty when SD3.5 does not fit."""

    text: str
    todo: str = ""


def plan_for(gpus: Sequence[Gpu], memory_bytes: int | None) -> Plan:
    """The plan for the largest card; without one that is large enough, for the CPU."""
    best = max((gpu for gpu in gpus if gpu.bytes), key=lambda gpu: gpu.bytes, default=None)
    for size, how, gigabytes in BY_CARD:
        if best and best.bytes >= size:
            fast = "with FP8 products" if best.fp8.startswith("products") else "FP8 as storage"
            return Plan(f"on {best.name}: {how}; {gigabytes} GB of weights, {fast} (computed, not measured)")
    if memory_bytes and memory_bytes >= CPU_BYTES:
        return Plan(ON_CPU)
    return Plan(
        "this machine is too small to draw with it",
        "use a machine with a GPU from 8 GB, or with 24 GB of memory; tagging needs neither",
    )
