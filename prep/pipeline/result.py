"""What a run came to."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    images: int  # pictures of SRC
    kept: int  # of these, in the training set
    failed: int  # problems
    ending: str  # the last line
    told: tuple[str, ...]  # the lines about all of it, which are shown already
    seconds: Mapping[str, float]  # by stage; none: nothing had changed since the last run
    todo: Mapping[str, int]  # by stage: items that it had to do
    began_ns: int  # when, in nanoseconds since 1970
    report: str = ""  # the line about report.html, once that is made

    @property
    def exit_code(self) -> int:
        return 1 if self.failed or not self.kept else 0
