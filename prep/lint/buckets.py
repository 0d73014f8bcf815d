"""sd-scripts' aspect-ratio buckets: which sizes a resolution and its limits give. Arithmetic alone."""

import math


def limits(min_reso: int, max_reso: int, step: int) -> tuple[int, int]:
    """min_bucket_reso rounded down to the step, max_bucket_reso up."""
    return min_reso // step * step, -(-max_reso // step) * step


def sizes(resolution: tuple[int, int], min_reso: int, max_reso: int, step: int) -> list[tuple[int, int]]:
    """resolution: (width, height). min_reso, max_reso: after `limits`. -> sorted (width, height), px."""
    area = resolution[0] * resolution[1]
    square = math.isqrt(area) // step * step
    found = {(square, square)}
    for width in range(min_reso, max_reso + 1, step):
        if not width:
            continue
        height = min(max_reso, area // width // step * step)
        if height >= min_reso:
            found |= {(width, height), (height, width)}
    return sorted(found)
