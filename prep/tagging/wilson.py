"""How sure a share is that was seen in a few cases. Nothing here knows what was counted."""

from math import sqrt

Z_90 = 1.6448536269514722  # two-sided 90 %: 3 of 3 and 7 of 8 reach 0.5, 2 of 2 and 6 of 8 do not


def wilson_lower(hits: int, total: int) -> float:
    """Lower bound of Wilson's score interval for a share, two-sided 90 %. 0 when there is nothing to count."""
    if not total:
        return 0.0
    share, z2 = hits / total, Z_90 * Z_90
    middle = share + z2 / (2 * total)
    spread = Z_90 * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return max(0.0, (middle - spread) / (1 + z2 / total))
