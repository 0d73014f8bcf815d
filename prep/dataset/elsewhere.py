"""kohya/ on another disk: OUT/kohya is a link to a folder that is marked as belonging to this OUT.

An OUT may come from anybody, and a link in it may point anywhere. Nobody else can write the mark into your folders.
"""

import os
import secrets
from pathlib import Path

from prep.errors import UsageError
from prep.files import is_regular, read_file, write_whole

MARK = "kohya.of"  # in the folder: the same id as in OUT/.prep/kohya.id
KEY = "kohya.id"
LONGEST = 5_000
LONGEST_NAME = 255  # bytes of a folder's name, on nearly every disk


def is_ours(out: Path) -> bool:
    """Whether OUT/kohya is a link to a folder marked as this OUT's."""
    own, mark = out / ".prep" / KEY, out / "kohya" / MARK
    if not (out / "kohya").is_symlink() or not is_regular(own) or not is_regular(mark):
        return False
    try:
        key, (said, _, place) = read_file(own, LONGEST), read_file(mark, LONGEST).partition(b"\n")
    except OSError:
        return False
    # A copy of an OUT is a different OUT as long as the original is still in place.
    there = Path(os.fsdecode(place))
    return len(key) > 16 and said == key and (there == out.resolve() or not (there / ".prep" / KEY).exists())


def check_elsewhere(out: Path, target: Path, src: Path | None = None) -> None:
    """Raises UsageError when OUT/kohya cannot be a link to target: either is in use, no folder can be created there, or
    it is no place of its own, so that a later run would read what this one wrote. Touches nothing.
    """
    own = "set export.kohya to a folder of its own"
    try:
        there = target.resolve()
        possible = all(len(os.fsencode(name)) <= LONGEST_NAME for name in target.parts)
    except (OSError, ValueError, RuntimeError):
        possible = False
    if not possible:
        raise UsageError(f"export.kohya is {str(target)!r}, which no folder can be called", hint=own)
    for place in filter(None, (src, out)):
        if there.is_relative_to(place.resolve()):
            raise UsageError(f"export.kohya is {target}, inside {place}", hint=own)
        if place.resolve().is_relative_to(there):
            raise UsageError(f"export.kohya is {target}, which contains {place}", hint=own)
    kohya = out / "kohya"
    if kohya.is_symlink():
        if kohya.resolve() != target.resolve():
            raise UsageError(
                f"export.kohya is {target}, but {kohya} is a link to {kohya.resolve()}", hint="change one of them"
            )
    elif kohya.exists():
        raise UsageError(f"export.kohya is {target}, but {kohya} is a folder", hint=f"move it: mv {kohya} {target}")
    if is_ours(out):
        return
    if (target / MARK).exists():
        raise UsageError(
            f"export.kohya is {target}, the kohya folder of another set", hint="set export.kohya to another folder"
        )
    if target.is_dir() and any(target.iterdir()):
        raise UsageError(
            f"export.kohya is {target}, which contains files that prep did not make",
            hint="use an empty or a new folder",
        )
    above = next(path for path in (target, *target.absolute().parents) if os.path.lexists(path))
    if not above.is_dir() or not os.access(above, os.W_OK):
        what = "cannot be written" if above.is_dir() else "is not a folder"
        raise UsageError(f"export.kohya is {target}, but {above} {what}", hint="set export.kohya to another folder")


def lead_elsewhere(out: Path, target: Path) -> None:
    """Make OUT/kohya a link to target, which is created if missing. Raises UsageError like check_elsewhere."""
    check_elsewhere(out, target)
    if is_ours(out):
        return
    kohya = out / "kohya"
    target.mkdir(parents=True, exist_ok=True)
    key = secrets.token_hex(16).encode()
    write_whole(out / ".prep" / KEY, key)
    write_whole(target / MARK, key + b"\n" + os.fsencode(out.resolve()))
    if not kohya.is_symlink():
        kohya.symlink_to(target.resolve(), target_is_directory=True)
