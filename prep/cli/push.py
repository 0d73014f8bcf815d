"""prep push: a set as a dataset on the Hugging Face Hub."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from prep.cli._path import PATH


@click.command("push")
@click.argument("out", type=PATH)
@click.argument("repo", metavar="USER/NAME")
@click.option("--public", is_flag=True, help="Make the dataset public. By default it is private.")
@click.option(
    "--with-images/--no-images", "pictures", default=False, help="Push the pictures too, or only the manifest."
)
@click.option("--with-rejected", "rejected", is_flag=True, help="Also push rejected rows, in a config of their own.")
@click.option(
    "--license", "licence", metavar="NAME", help="For example cc-by-nc-4.0. Required once: the card keeps it."
)
@click.option("--yes", is_flag=True, help="Do not ask; also allow a trial set.")
def command(out: Path, repo: str, public: bool, pictures: bool, rejected: bool, licence: str | None, yes: bool) -> int:
    """Push the set in OUT to the dataset USER/NAME on the Hugging Face Hub; a second push sends only what changed.

    The token is that of `hf auth login`, or HF_TOKEN. Shows what will be visible to whom, and asks first.

    \b
    Examples:
      prep push outputs/characters me/characters --license cc-by-nc-4.0
      prep push outputs/characters me/characters --with-images --yes
    """
    from prep.dataset.folders import check_folders
    from prep.errors import UsageError
    from prep.hub.push import HuggingFaceExporter, PushOptions
    from prep.process.lock import locked
    from prep.process.pictures import trust_our_own_limits
    from prep.process.report import Report
    from prep.process.signals import interruptible

    if not (out / ".prep").is_dir():
        raise UsageError(f"{out} was not made by prep", hint="name a folder that `prep run` wrote")
    check_folders(out)
    trust_our_own_limits()
    options = PushOptions(repo, public, pictures, rejected, licence, yes)
    with interruptible(), locked(out / ".prep" / "lock"), Report(out / ".prep" / "log") as report:
        with ExitStack() as bars:
            exporter = HuggingFaceExporter(options, report.say, _ask, report.bar, _sending(bars, report.say))
            pushed = exporter.push(out)
        if pushed.commit:
            report.say(f"push: {pushed.files:,} files differed, {pushed.bytes / 1e6:,.1f} MB were sent")
        else:
            report.say("push: nothing differs; nothing was sent")
        report.say(pushed.address)
    return 0


def _ask(question: str) -> bool:
    from prep.errors import UsageError

    try:
        return click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError(
            "nothing was sent: there is no terminal to confirm on", hint="add --yes to push without asking"
        ) from None


def _sending(bars: ExitStack, say: Callable[[str], None]) -> Callable[[int], Callable[[int], None]]:
    """A bar over bytes on a terminal, an occasional line elsewhere."""
    from tqdm import tqdm

    from prep.process.report import QUIET_SECONDS

    def begin(total: int) -> Callable[[int], None]:
        shown = sys.stderr.isatty()
        bar = tqdm(total=total, desc="send", unit="B", unit_scale=True, leave=False, disable=not shown)
        bars.callback(bar.close)
        sent, said_at = 0, time.monotonic()

        def step(count: int) -> None:
            nonlocal sent, said_at
            sent += count
            bar.update(count)
            if not shown and time.monotonic() - said_at >= QUIET_SECONDS:
                said_at = time.monotonic()
                say(f"push: {sent / 1e6:,.0f} of {total / 1e6:,.0f} MB sent")

        return step

    return begin
