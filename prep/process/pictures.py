"""Pillow in a process that is prep's own. Where it is somebody else's, Pillow's limit and warnings stay as they are."""

import contextlib
import ctypes
import warnings

from PIL import Image


def trust_our_own_limits() -> None:
    """prep.images checks each picture's size against scan.max_pixels before it is decoded, and says more than Pillow
    would; and what Pillow warns of, a picture's flags or its error tell.
    """
    Image.MAX_IMAGE_PIXELS = None
    warnings.filterwarnings("ignore", module=r"PIL\.")  # a filter for one thread alone does not exist
    _silence_libtiff()


def _silence_libtiff() -> None:
    """libtiff writes its warnings and errors straight to this process's stderr, under the name tempfile.tif. It is
    reached through Pillow's own extension; where that holds it hidden inside, it goes on telling.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(Image.core.__file__)
        for setter in (library.TIFFSetWarningHandler, library.TIFFSetErrorHandler):
            setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
            setter(None)
