"""The one place where images are opened: checked before decoding, first frame, upright, sRGB, on white.

The result is uint8 [H, W, 3], RGB. Whatever goes wrong in a decoder becomes an ImageError. OpenCV is imported where
pixels are measured: `prep status` measures none.
"""

import contextlib
import hashlib
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from prep.errors import ImageError
from prep.png_chunks import without_oversized
from prep.process.spans import spent

FORMATS = {
    "PNG": "png",
    "JPEG": "jpg",
    "MPO": "jpg",  # a JPEG with further pictures after the first, as phones and 3D cameras write
    "WEBP": "webp",
    "BMP": "bmp",
    "GIF": "gif",
    "TIFF": "tif",
    "AVIF": "avif",
}
OPENED = [name for name in FORMATS if name != "MPO"]  # that one is opened by the JPEG reader
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})

# Pillow's decoders raise all of these on damaged files (seen with Pillow's own corpus of crash files).
DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    NotImplementedError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    re.error,
    ImageCms.PyCMSError,
    Warning,  # if warnings are errors
)

MOST_READS = 500_000  # of one file: a PNG of 100 MB in chunks of 8 kB takes 40,000
MEASURE_PX = 1024  # longer side at which edges are counted


@dataclass(frozen=True)
class Picture:
    """One decoded image. flags name what a plain copy of the file would show differently."""

    pixels: np.ndarray  # uint8 [H, W, 3], RGB, upright, on white
    format: str
    flags: tuple[str, ...]  # of: rotated, alpha, mode, profile, animated, profile_skipped, text_skipped

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]


@dataclass(frozen=True)
class Header:
    """What is known about an image before its pixels are decoded."""

    width: int  # pixels as stored, before EXIF rotation
    height: int
    format: str
    mode: str  # Pillow's
    orientation: int  # EXIF, 1 upright
    alpha: bool
    animated: bool


def read_header(data: bytes) -> Header:
    """Raises ImageError when the bytes are not an image."""
    with _decoding(), _opened(without_oversized(data)[0]) as image:
        return _header(image)


def png_text(data: bytes, key: str) -> str | None:
    """The text that encode_png wrote under this key. Raises ImageError when the bytes are not an image."""
    with _decoding(), _opened(without_oversized(data)[0]) as image:
        text = image.info.get(key)
        return text if isinstance(text, str) else None


def open_image(data: bytes, max_pixels: int = 100_000_000) -> Picture:
    """Decode an image file's bytes. A PNG's profile or text that is too large for Pillow is left out, and flagged.

    Raises ImageError, kind `empty`, `not_an_image`, `too_large` (more than max_pixels according to the header,
    before anything is decoded) or `damaged`.

    Pillow's own limit (Image.MAX_IMAGE_PIXELS, 89 million) belongs to the process and is not changed. Pillow still
    checks it in two places, which prep.process.pictures opens in prep's own processes: elsewhere a TIFF above it
    opens with Pillow's warning, and a TIFF or WebP of more than twice as many pixels is `too_large`.
    """
    with spent("decode"), _loaded(data, max_pixels) as (image, header, skipped):
        return _picture(image, header, skipped)


def open_with_alpha(data: bytes, max_pixels: int = 100_000_000) -> np.ndarray:
    """As open_image, but nothing is laid on white: uint8 [H, W, 4], straight colours and alpha, 255 if it has none."""
    with spent("decode"), _loaded(data, max_pixels) as (image, header, _):
        image = _upright(image, header)[0]
        if image.mode.startswith(("I", "F")):
            image = _to_eight_bits(image)
        return np.asarray(image.convert("RGBA"))


def open_small(data: bytes, side_px: int, max_pixels: int = 100_000_000) -> np.ndarray:
    """As open_image, scaled so that the longer side is at most side_px -> uint8 [h, w, 3]; never enlarged.

    A JPEG is decoded at a half, a quarter or an eighth of its size where that is still enough.
    """
    with spent("decode"), _loaded(data, max_pixels, side_px) as (image, header, skipped):
        small = Image.fromarray(_picture(image, header, skipped).pixels)
        small.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
        return np.asarray(small)


def edge_density(pixels: np.ndarray, measure_px: int = MEASURE_PX) -> float:
    """Share of Canny(100, 200) edge pixels, 0-1, after bringing the longer side to measure_px (0: as it is)."""
    return _edges(_grey(pixels, measure_px))


def sharpness(pixels: np.ndarray, measure_px: int = MEASURE_PX) -> float:
    """Variance of the Laplacian of the grey image, at the scale of edge density; low for flat or blurred images."""
    return _variance(_grey(pixels, measure_px))


def pixel_hash(pixels: np.ndarray) -> str:
    """32 hex digits over size and decoded pixels: the same for the same picture in another container."""
    with spent("measure"):
        digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(pixels))
        return digest.hexdigest()


def perceptual_hash(pixels: np.ndarray) -> str:
    """64 bits, hex: signs of the lowest 8x8 DCT coefficients of a 32x32 grey image against their median (pHash)."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    bits = low > np.median(low)
    return np.packbits(bits).tobytes().hex()


def measures(pixels: np.ndarray, measure_px: int) -> dict[str, float | str]:
    """The measures kept for an image: edge_density, sharpness, phash."""
    with spent("measure"):
        grey = _grey(pixels, measure_px)  # of a large picture what takes longest: once for both
        return {
            "edge_density": _edges(grey),
            "sharpness": _variance(grey) if measure_px == MEASURE_PX else sharpness(pixels),
            "phash": perceptual_hash(pixels),
        }


def encode_png(pixels: np.ndarray | Image.Image, text: dict[str, str] | None = None) -> bytes:
    """pixels: uint8 [H, W, 3], RGB, or an image -> a PNG file with only the pixels and this text."""
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    notes = PngInfo()
    for key, value in (text or {}).items():
        notes.add_itxt(key, value)
    image.save(stream, "PNG", compress_level=6, pnginfo=notes)
    return stream.getvalue()


def encode_webp(pixels: np.ndarray, quality: int = 80) -> bytes:
    """pixels: uint8 [H, W, 3], RGB -> a WebP file, lossy, with only the pixels. For a small picture to look at."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality, method=2)
    return stream.getvalue()


def encode_jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    """pixels: uint8 [H, W, 3], RGB."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def is_webp(data: bytes) -> bool:
    """Whether it is a WebP picture that decodes, with nothing cut off. Raises ImageError for what cannot be decoded."""
    with _loaded(data, MEASURE_PX * MEASURE_PX) as (_, header, _skipped):
        # The size that a RIFF file names is without its own 8 bytes.
        return header.format == "webp" and len(data) == 8 + int.from_bytes(data[4:8], "little")


def fitted(pixels: np.ndarray, side_px: int) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [h, w, 3], its longer side side_px, by area: what is fitted already stays as it is."""
    import cv2

    height, width = pixels.shape[:2]
    scale = min(side_px / width, side_px / height)
    size = tuple(max(1, min(side_px, round(side * scale))) for side in (width, height))
    return pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def covering(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [height, width, 3]: scaled to cover it and cropped equally on both sides."""
    import cv2

    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    size = (max(width, round(pixels.shape[1] * scale)), max(height, round(pixels.shape[0] * scale)))
    if size != pixels.shape[1::-1]:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (pixels.shape[1] - width) // 2, (pixels.shape[0] - height) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


class _Stream(io.BytesIO):
    """A file's bytes. Pillow walks through its parts in Python, however many and however small they are."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > MOST_READS:
            message = f"consists of too many small parts (reading them takes more than {MOST_READS:,} steps)"
            raise ImageError("damaged", message, "save the image again")
        return super().read(size)


def _opened(data: bytes) -> Image.Image:
    """Like Image.open, but without its check against the process-wide limit: open_image checks its own."""
    Image.preinit()
    for name in OPENED:
        if name not in Image.OPEN:
            Image.init()
        read, accepts = Image.OPEN[name]
        if accepts(data[:16]) is True:  # a sentence means that Pillow was built without that format
            try:
                return read(_Stream(data), "")
            except (SyntaxError, IndexError, TypeError, struct.error):
                continue
    raise UnidentifiedImageError


@contextlib.contextmanager
def _loaded(data: bytes, max_pixels: int, side_px: int = 0) -> Iterator[tuple[Image.Image, Header, tuple[str, ...]]]:
    """The decoded first frame, its header, and flags of what was left out. Raises ImageError, as open_image says.

    side_px: a JPEG may be decoded at less than its size, as long as its longer side has that; 0: at its size.
    """
    if not data:
        raise ImageError("empty", "the file is empty", "save the image again")
    data, skipped = without_oversized(data)
    with _decoding(), _opened(data) as image:
        header = _header(image)
        if header.width * header.height > max_pixels:
            raise ImageError(
                "too_large",
                f"{header.width}x{header.height} is more than {max_pixels:,} pixels",
                "make it smaller, or raise scan.max_pixels",
            )
        image.seek(0)
        if side_px and (scale := side_px / max(image.size)) < 1:
            image.draft(None, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        image.load()
        yield image, header, skipped


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Turn every decoder error into ImageError."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("not_an_image", "not an image of a known format", "check what the file really is") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = "raise PIL.Image.MAX_IMAGE_PIXELS in this process"
        raise ImageError("too_large", f"is more than Pillow decodes here ({_first_line(error)})", limit) from None
    except DECODER_ERRORS as error:
        raise ImageError("damaged", f"cannot be decoded ({_first_line(error)})", "save the image again") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:120] or type(error).__name__


def _edges(grey: np.ndarray) -> float:
    import cv2

    return float(np.count_nonzero(cv2.Canny(grey, 100, 200)) / grey.size)


def _variance(grey: np.ndarray) -> float:
    import cv2

    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))  # integers: exact
    return float(deviation[0, 0] ** 2)


def _grey(pixels: np.ndarray, measure_px: int) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [h, w], its longer side at most measure_px (0: as it is)."""
    import cv2

    scale = measure_px / max(pixels.shape) if measure_px else 1
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _header(image: Image.Image) -> Header:
    return Header(
        width=image.width,
        height=image.height,
        format=FORMATS[image.format],
        mode=image.mode,
        orientation=image.getexif().get(0x0112, 1),
        alpha="A" in image.getbands() or image.mode == "PA" or "transparency" in image.info,
        animated=image.format not in ("MPO", "TIFF") and getattr(image, "is_animated", False),
    )


def _picture(image: Image.Image, header: Header, skipped: tuple[str, ...]) -> Picture:
    flags = [*skipped]
    if header.animated:
        flags.append("animated")
    image, changed = _upright(image, header)
    flags += changed
    rgb, see_through = _flatten(image, header.alpha)
    if see_through:
        flags.append("alpha")
    return Picture(np.asarray(rgb), header.format, tuple(sorted(flags)))


def _upright(image: Image.Image, header: Header) -> tuple[Image.Image, list[str]]:
    """The image turned upright and in sRGB, and the flags of what that changed."""
    flags = []
    profile = image.info.get("icc_profile")
    if header.orientation not in (0, 1):
        image = ImageOps.exif_transpose(image)
        flags.append("rotated")
    if image.mode not in ("RGB", "RGBA", "L", "P"):
        flags.append("mode")
    if profile and (converted := _to_srgb(image, profile)) is not None:
        image = converted
        flags.append("profile")
    return image, flags


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The image in sRGB, or None if it already is or its profile does not fit (then its values are used unchanged)."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
        colour = image.convert({"LA": "L", "RGBA": "RGB", "P": "RGB"}.get(image.mode, image.mode))
        srgb = ImageCms.profileToProfile(colour, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if srgb is not None and alpha is not None:
        srgb.putalpha(alpha)
    return srgb


def _flatten(image: Image.Image, alpha: bool) -> tuple[Image.Image, bool]:
    """Any mode to RGB, on white: black behind a sprite's soft edge would become tags. Also returns whether alpha is
    visible.
    """
    if image.mode.startswith(("I", "F")):
        image = _to_eight_bits(image)
    if not alpha:
        return image if image.mode == "RGB" else image.convert("RGB"), False  # convert would copy
    image = image.convert("RGBA")
    if image.getextrema()[3][0] == 255:
        return image.convert("RGB"), False
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB"), True


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit and float greyscale, which Pillow's own convert would clip to white."""
    values = np.asarray(image).astype(np.float64)
    if image.mode.startswith("I"):
        values = values / 257 if values.max(initial=0) > 255 else values
    elif values.max(initial=0) <= 1:
        values = values * 255
    return Image.fromarray(np.nan_to_num(values).clip(0, 255).round().astype(np.uint8))
