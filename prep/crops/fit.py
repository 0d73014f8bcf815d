"""The size of a crop, such that sd-scripts' buckets cut nothing off. Pure: boxes in, boxes out.

With bucket_no_upscale, a picture of at most the resolution's area keeps its size, and its sides are cut down to
multiples of bucket_reso_steps. A larger one is reduced to the resolution's area, and then cut likewise: nothing is
lost where its shape is that of a bucket. prep.dataset.buckets has these rules in full.
"""

from collections.abc import Iterator

from prep.types import Box

STEP = 64  # bucket_reso_steps of the dataset.toml that prep writes, pixels
NEAR = 4  # multiples of it per side that are tried, the nearest ones
Size = tuple[int, int]


def fitted(wanted: Box, part: Box, width: int, height: int, resolution: int, areas: tuple[float, float]) -> Box:
    """The box most like the wanted one that loses nothing, with the whole part inside.

    part: inside of wanted, which is inside of the picture. width, height: of the picture, pixels. resolution: of the
    training, pixels. areas: the least and the largest of a crop. Where no such box is large enough for the part and
    inside the picture, one side loses up to a step, or the box is the wanted one.
    """
    least, largest = areas
    sizes = [*_in_steps(wanted, part, width, height, resolution), *_shaped(wanted, part, width, height, resolution)]
    boxes = [
        Box(left, top, left + wide, top + tall)
        for wide, tall in sizes
        if least <= wide * tall <= largest
        for left in [_begin(wanted.left, wanted.right, part.left, part.right, wide, width)]
        for top in [_begin(wanted.top, wanted.bottom, part.top, part.bottom, tall, height)]
    ]
    return max(boxes, key=lambda box: overlap(box, wanted), default=wanted)


def overlap(one: Box, other: Box) -> float:
    """The share of their union that both have, 0-1."""
    both = shared(one, other)
    return both / max(1, one.area + other.area - both)


def shared(one: Box, other: Box) -> int:
    """Pixels that are in both."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0, width) * max(0, height)


def _in_steps(wanted: Box, part: Box, width: int, height: int, resolution: int) -> Iterator[Size]:
    """Sizes of at most the resolution's area."""
    for wide in _multiples(wanted.width, part.width, width):
        for tall in _multiples(wanted.height, part.height, height):
            if wide * tall <= resolution**2:
                yield wide, tall


def _multiples(wanted: int, least: int, most: int) -> list[int]:
    """Of the step; if none is between the least and the most, what is wanted."""
    found = range(max(1, -(-least // STEP)) * STEP, most + 1, STEP)
    return sorted(found, key=lambda side: abs(side - wanted))[:NEAR] or [wanted]


def _shaped(wanted: Box, part: Box, width: int, height: int, resolution: int) -> Iterator[Size]:
    """Larger sizes, each in the shape of one of the resolution's buckets."""
    area = resolution**2
    for short in range(1, resolution // STEP + 1):
        long = area // (short * STEP) // STEP
        tall = _along((wanted.width, wanted.height), (part.width, part.height), (width, height), short, long)
        wide = _along((wanted.height, wanted.width), (part.height, part.width), (height, width), short, long)
        if tall and tall[0] * tall[1] > area:
            yield tall
        if wide and wide[0] * wide[1] > area:
            yield wide[1], wide[0]


def _along(wanted: Size, part: Size, picture: Size, short: int, long: int) -> Size | None:
    """The size in the shape short : long that has the wanted area, as far as the part and the picture allow; each
    (the short side, the long one). None if they do not.
    """
    # The short side is rounded down: rounded up, a bucket of a step less could be the nearer one.
    least = max(part[1], -(-part[0] * long // short))
    most = min(picture[1], ((picture[0] + 1) * long - 1) // short)
    if least > most:
        return None
    side = min(max(round((wanted[0] * wanted[1] * long / short) ** 0.5), least), most)
    return side * short // long, side


def _begin(left: int, right: int, first: int, last: int, length: int, whole: int) -> int:
    """Where a side begins: centred on what is wanted (left, right), with the part (first, last) and in the picture."""
    centred = (left + right - length) // 2
    return min(max(centred, last - length, 0), first, whole - length)
