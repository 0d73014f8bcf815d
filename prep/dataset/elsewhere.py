"""kohya/ on another disk: OUT/kohya is a link then, and the folder that it leads to says that it is this OUT's.

An OUT may come from anybody, and a link in it may lead anywhere. Nobody else can write the mark into a folder of yours.
"""

import os
import secrets
from pathlib import Path

from prep.errors import UsageError
from prep.files import is_regular, read_file, write_whole

MARK = "kohya.of"  # in the folder: what OUT/.prep/kohya.id says
KEY = "kohya.id"
LONGEST = 5_000


def is_ours(out: Path) -> bool:
    """Whether OUT/kohya is a link to a folder that says it belongs to this OUT."""
    own, mark = out / ".prep" / KEY, out / "kohya" / MARK
    if not (out / "kohya").is_symlink() or not is_regular(own) or not is_regular(mark):
        return False
    try:
        key, (said, _, place) = read_file(own, LONGEST), read_file(mark, LONGEST).partition(b"\n")
    except OSError:
        return False
    # A copy of an OUT is another one, as long as the first is where it was.
    there = Path(os.fsdecode(place))
    return len(key) > 16 and said == key and (there == out.resolve() or not (there / ".prep" / KEY).exists())


def check_elsewhere(out: Path, target: Path) -> None:
    """Raises UsageError when OUT/kohya cannot be a link to target: either is in use, or no folder can be made there.
    Touches nothing.
    """
    kohya = out / "kohya"
    if kohya.is_symlink():
        if kohya.resolve() != target.resolve():
            raise UsageError(f"{kohya} leads to {kohya.resolve()}, and export.kohya says {target}", hint="change one")
    elif kohya.exists():
        raise UsageError(f"{kohya} is a folder, and export.kohya says {target}", hint=f"move it: mv {kohya} {target}")
    if is_ours(out):
        return
    if (target / MARK).exists():
        raise UsageError(f"{target} is the kohya folder of another set", hint="name another folder in export.kohya")
    above = next(path for path in (target, *target.absolute().parents) if os.path.lexists(path))
    if not above.is_dir() or not os.access(above, os.W_OK):
        what = "cannot be written" if above.is_dir() else "is no folder"
        raise UsageError(f"export.kohya is {target}, and {above} {what}", hint="name another folder in export.kohya")


def lead_elsewhere(out: Path, target: Path) -> None:
    """Let OUT/kohya be a link to target, which is made where it is missing. Raises UsageError as check_elsewhere."""
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
