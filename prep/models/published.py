"""Compare the sha256 of a model's file with the published one.

A download that differs is refused if two independent places publish the hash: it is damaged, or not the original. If
only one place does, that place may be wrong or the file may have been republished: prep says so and uses the file. A
file that the user put there is never refused, but prep says so.
"""

from prep.errors import StoppedError
from prep.registry import ModelFile, ModelSpec


def differs(file: ModelFile, sha256: str) -> str:
    """How a file differs from the published one, in words; empty if it does not."""
    if not file.sha256 or sha256 == file.sha256:
        return ""
    known = "" if file.confirmed else ", according to one page only"
    return (
        f"{file.basename} is not the published file: its sha256 is {sha256}, the published one is {file.sha256}{known}"
    )


def check_download(spec: ModelSpec, file: ModelFile, sha256: str) -> None:
    """Raises StoppedError for a download that differs from what two places publish; the caller removes it."""
    if file.confirmed and (what := differs(file, sha256)):
        raise StoppedError(
            f"{what}; it was removed",
            hint=f"`prep models get {spec.name} --again` fetches it again; or {by_hand(spec)}: any file is used there",
        )


def by_hand(spec: ModelSpec) -> str:
    names = " and ".join(file.name for file in spec.files)
    return f"download {names} from {spec.page} by hand into the folder that PREP_MODELS names"
