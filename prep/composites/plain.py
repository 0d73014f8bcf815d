"""Finds a figure before a background of one colour: what can be reached from the picture's edges without leaving it.

Knows only colours. A figure's holes of exactly the background's colour, such as between arm and body, are background if
that is a strong blue or green. White ones may as well be clothes, and cream ones skin: those that only an outline
divides from the background are filled, and small ones. With others nothing is certain, so there is no mask.
"""

import cv2
import numpy as np

# Distances from the background's colour in OpenCV's Lab of 8 bits. JPEG at quality 80 leaves 1 to 6 on plain areas.
TOLERANCES = (8, 12, 16)
STABLE = 0.02  # the area may change by this share of the picture between the tolerances
ALONG_EDGES = 0.4  # share of the picture's edge that must have the background's colour
CONTRAST = 40  # distance in RGB, at half of the figure's outline: otherwise it has none that holds the flood back
DARKEST = 70  # lightness, 0-255: outlines are dark, and do not hold the flood back before a darker background
SATURATED = 25  # distance of a and b from grey, of a background that hardly any figure has
HOLE = 0.0005  # share of the picture: smaller ones may be noise
DOUBTFUL = 0.001  # share of the picture of one hole that may be clothes or background; smaller ones may be eyes
ALL_DOUBTFUL = 0.004  # of all of them together: with fewer it does not matter what they are
OUTLINE_PX, OUTLINED = 6, 0.3  # at 720 px: so near to the ground, and along this share of its rim, a hole is clothes
GAP_PER_PX = 1 / 700  # gaps in an outline through which nothing flows: radius per pixel of the longer side
REACH_PX = 6  # from the ground into gaps too narrow for the flood, such as between strands of hair
FAINT = 24  # distance, as TOLERANCES, of what counts as ground there: JPEG mixes colours along edges
WHOLE = 0.95  # of the figure's colour in a pixel, 0-1: it counts as unmixed
MIXED = "is not of one colour"
NINE = np.ones((3, 3), np.uint8)


def plain_cut(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray] | str:
    """rgb: uint8 [H, W, 3] -> (uint8 [H, W, 3], float32 [H, W], 0-1): the figure's own colours, and its mask.

    A text says what is wrong with the background.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    colour = _commonest(np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]]))
    distance = _distance(lab, colour)
    edge = np.concatenate([distance[0], distance[-1], distance[:, 0], distance[:, -1]])
    if np.mean(edge <= TOLERANCES[1]) < ALONG_EDGES:
        return MIXED
    if colour[0] < DARKEST:
        return "is as dark as outlines are"
    radius = min(3, max(1, round(GAP_PER_PX * max(rgb.shape))))
    floods = [_reached(distance <= tolerance, radius) for tolerance in TOLERANCES]
    areas = [np.count_nonzero(flood) for flood in floods]
    if max(areas) - min(areas) > STABLE * distance.size:
        return MIXED
    ground, screen = floods[1], _is_screen(colour)
    holes = _holes(distance <= TOLERANCES[0], ground)
    if screen:
        ground = ground | holes
    elif _doubtful(holes, ground):
        return "may go on inside its figure"
    own = rgb[floods[0]].mean(0)
    ground = _grown(ground, distance <= (FAINT if screen else TOLERANCES[2]))
    mask = _soft(_distance(rgb, own), ground)
    return MIXED if mask is None else (_unmixed(rgb, mask, own), mask)


def _is_screen(colour: np.ndarray) -> bool:
    """colour: float [3], Lab of 8 bits. Whether it is strong, and cooler than any skin."""
    red, yellow = colour[1:] - 128
    return bool(np.hypot(red, yellow) > SATURATED and min(red, yellow) < 0)


def _distance(pixels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3], float [3] -> float32 [H, W]."""
    first, second, third = (pixels[..., channel] - np.float32(colour[channel]) for channel in range(3))
    return cv2.magnitude(cv2.magnitude(first, second), third)


def _commonest(colours: np.ndarray) -> np.ndarray:
    """uint8 [N, 3] -> float32 [3]: the median of the colours near the commonest one."""
    coarse = colours.astype(np.int32) >> 3
    codes, counts = np.unique((coarse[:, 0] << 10) + (coarse[:, 1] << 5) + coarse[:, 2], return_counts=True)
    code = codes[counts.argmax()]
    centre = np.array([code >> 10, code >> 5 & 31, code & 31]) * 8 + 4
    near = np.abs(colours - centre).max(1) <= TOLERANCES[0]
    return np.median(colours[near], axis=0).astype(np.float32)


def _reached(similar: np.ndarray, radius: int) -> np.ndarray:
    """bool [H, W] -> bool [H, W]: the similar pixels that can be reached from above or from the upper half of the
    sides, not through a gap of up to twice the radius. From below, the flood would enter a white dress cut off there.
    """
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    pad = radius + 1
    wide = np.pad(similar.astype(np.uint8), pad, mode="edge")  # the picture's edge makes no gap narrower
    wide[:pad] = 1
    wide[: pad + len(similar) // 2, [*range(pad), *range(-pad, 0)]] = 1
    wide = cv2.erode(wide, kernel, borderValue=1)
    cv2.floodFill(wide, None, (0, 0), 2)
    reached = cv2.dilate((wide == 2).astype(np.uint8), kernel)[pad:-pad, pad:-pad]
    return (reached > 0) & similar


def _holes(same: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """bool [H, W]: the areas of the background's colour that it does not reach, such as between arm and body."""
    enclosed = cv2.morphologyEx((same & ~ground).astype(np.uint8), cv2.MORPH_OPEN, NINE)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(enclosed)
    large = stats[:, cv2.CC_STAT_AREA] >= HOLE * same.size
    large[0] = False
    return large[labels]


def _doubtful(holes: np.ndarray, ground: np.ndarray) -> bool:
    """Whether holes of the background's colour are so large that it matters whether they are clothes or background."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8))
    across = 2 * round(OUTLINE_PX * max(1, max(holes.shape) / 720)) + 1
    near = cv2.dilate(ground.astype(np.uint8), np.ones((across, across), np.uint8)) > 0
    rim = holes & (cv2.erode(holes.astype(np.uint8), NINE) == 0)
    lengths, outlined = (np.bincount(labels[each], minlength=len(stats)) for each in (rim, rim & near))
    sizes = stats[:, cv2.CC_STAT_AREA] / holes.size
    doubtful = (sizes >= DOUBTFUL) & (outlined < OUTLINED * np.maximum(lengths, 1))
    return float(sizes[1:][doubtful[1:]].sum()) >= ALL_DOUBTFUL


def _grown(ground: np.ndarray, similar: np.ndarray) -> np.ndarray:
    """bool [H, W]: the ground, and the similar pixels that it reaches within REACH_PX."""
    grown = ground.astype(np.uint8)
    allowed = (ground | similar).astype(np.uint8)
    for _ in range(REACH_PX):
        grown = cv2.dilate(grown, NINE) & allowed
    return grown > 0


def _soft(distance: np.ndarray, ground: np.ndarray) -> np.ndarray | None:
    """float32 [H, W], 0-1: 1 inside; in the two outermost pixels the share of the figure's colour in the mixture. It
    never falls from the outside in, so that a light area behind an outline stays. None: there is no outline.
    distance: from the background's colour in RGB, where mixtures are linear.
    """
    first = ~ground & (cv2.dilate(ground.astype(np.uint8), NINE) > 0)
    second = ~ground & ~first & (cv2.dilate((ground | first).astype(np.uint8), NINE) > 0)
    most = cv2.dilate(np.where(ground, np.float32(0), distance), np.ones((5, 5), np.uint8))
    if not first.any() or np.median(most[first]) < CONTRAST:
        return None
    share = np.clip(distance / np.maximum(most, 1), 0, 1).astype(np.float32)
    share[share > WHOLE] = 1
    outermost = np.where(first, share, np.float32(0))
    mask = (~ground).astype(np.float32)
    mask[first] = outermost[first]
    mask[second] = np.maximum(share, cv2.dilate(outermost, NINE))[second]
    return mask


def _unmixed(rgb: np.ndarray, mask: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3], without the background's colour (float [3], 0-255) in the pixels that are mixed with it."""
    mixed = (mask > 0.2) & (mask < 1)  # fainter ones would only give noise
    share = mask[mixed][:, None]
    result = rgb.copy()
    result[mixed] = np.rint(np.clip((rgb[mixed] - (1 - share) * ground) / share, 0, 255))
    return result
