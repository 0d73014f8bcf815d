"""Pictures of an OUT that are links, as export.link = "symlink" makes them: read only if their content is the set's."""

import stat
from hashlib import sha256
from pathlib import Path

from prep.files import PICTURE_BYTES, NotAFileError, read_file


def picture_bytes(path: Path, image_id: str | None) -> bytes:
    """The bytes of a picture; through a link only if they are the expected ones.

    image_id: sha256 of the source file, hex. Raises NotAFileError, other OSErrors.
    """
    try:
        return read_file(path, PICTURE_BYTES)
    except NotAFileError:
        if not path.is_symlink():
            raise
    data = read_file(path, PICTURE_BYTES, follow=True)
    digest = sha256(data).hexdigest()
    if digest != image_id and digest[:12] != path.stem.rpartition("-")[2]:
        raise NotAFileError(path, "is a link to something other than this set's picture")
    return data


def check_picture(path: Path, image_id: str | None) -> None:
    """Raises like picture_bytes, but reads the file only if it is a link."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        picture_bytes(path, image_id)
    elif not stat.S_ISREG(mode):
        raise NotAFileError(path)
