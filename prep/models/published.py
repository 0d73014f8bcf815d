"""The sha256 of a model's file, held against the one that was published.

A download that differs is refused where two places give the published one: it is damaged, or somebody else's. Where
one place alone gives it, that place may be wrong, and the file may have been published anew since: it is said, and the
file is used. What a person put there is theirs: it is said as well, and never refused.
"""

from prep.errors import StoppedError
from prep.registry import ModelFile, ModelSpec


def differs(file: ModelFile, sha256: str) -> str:
    """In words how a file is not the published one, or empty."""
    if not file.sha256 or sha256 == file.sha256:
        return ""
    known = "" if file.confirmed else ", as one page alone gives it"
    return f"{file.basename} is not the published file: its sha256 is {sha256}, and {file.sha256} was published{known}"


def check_download(spec: ModelSpec, file: ModelFile, sha256: str) -> None:
    """Raises StoppedError for a download that is not what two places say; the caller removes it."""
    if file.confirmed and (what := differs(file, sha256)):
        raise StoppedError(
            f"{what}; it was removed",
            hint=f"`prep models get {spec.name} --again` fetches it anew; or {by_hand(spec)}: any file is used there",
        )


def by_hand(spec: ModelSpec) -> str:
    names = " and ".join(file.name for file in spec.files)
    return f"fetch {names} from {spec.page} by hand, into a folder that PREP_MODELS names"
