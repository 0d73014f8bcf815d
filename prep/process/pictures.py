"""Pillow in a process that is prep's own. Where it is somebody else's, Pillow's limit and warnings stay as they are."""

import warnings

from PIL import Image


def trust_our_own_limits() -> None:
    """prep.images checks each picture's size against scan.max_pixels before it is decoded, and says more than Pillow
    would; and what Pillow warns of, a picture's flags or its error tell.
    """
    Image.MAX_IMAGE_PIXELS = None
    warnings.filterwarnings("ignore", module=r"PIL\.")  # a filter for one thread alone does not exist
