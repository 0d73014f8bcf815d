"""Pillow in prep's own processes. In a caller's process, Pillow's limit and warnings stay as they are."""

import contextlib
import ctypes
import warnings

from PIL import Image


def trust_our_own_limits() -> None:
    """prep.images checks each picture's size against scan.max_pixels before decoding, and reports more than Pillow
    would; what Pillow warns about is in a picture's flags or its error.
    """
    Image.MAX_IMAGE_PIXELS = None
    warnings.filterwarnings("ignore", module=r"PIL\.")  # there is no filter for a single thread
    _silence_libtiff()


def _silence_libtiff() -> None:
    """libtiff writes its warnings and errors directly to this process's stderr, under the name tempfile.tif. It is
    reached through Pillow's own extension; if it is statically linked there, it keeps writing.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(Image.core.__file__)
        for setter in (library.TIFFSetWarningHandler, library.TIFFSetErrorHandler):
            setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
            setter(None)
