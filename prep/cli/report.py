"""prep report: a finished set as one page, to look at or to send."""

from pathlib import Path

import click

from prep.cli._path import PATH
from prep.cli._say import say


@click.command("report")
@click.argument("out", type=PATH)
def command(out: Path) -> None:
    """Write OUT/report.html: one file about the set, to look at or to send to a friend.

    It shows characters, tags, thresholds, coverage, buckets, drawn pictures, near copies and problems, with up to 200
    small pictures. It opens from disk, needs no script and no network, and holds no path and no name of this machine.

    \b
    Example:
      prep report outputs/characters
    """
    from prep.dataset.opened import Set
    from prep.process.arrow import keep_arrow_small
    from prep.process.lock import locked
    from prep.process.pictures import trust_our_own_limits
    from prep.process.report import Report
    from prep.process.signals import interruptible
    from prep.report.written import NAME, report

    keep_arrow_small()
    trust_our_own_limits()
    _ = Set(out).facts  # errors come before waiting for the lock
    with interruptible(), locked(out / ".prep" / "lock"), Report(out / ".prep" / "log"):
        report(out)
    say(f"report: {out / NAME}")
