"""prep lint: a kohya folder or dataset.toml against every rule of sd-scripts that it can break."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from prep.lint.findings import Finding
    from prep.lint.look import Report

SHOWN = 3  # findings of one rule, without --all


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, then tell what is left.")
@click.option("--all", "every", is_flag=True, help=f"List every finding, not the first {SHOWN} of each rule.")
def command(path: Path, fix: bool, every: bool) -> None:
    """Check a kohya folder or dataset.toml against the rules of kohya's sd-scripts.

    PATH is a folder of N_name folders, one folder of images, an outputs/NAME folder, or a dataset.toml. An error
    stops sd-scripts or trains something else than is meant; a warning is legal and hardly meant; a note depends on
    the model. Leaves with 0 when there is neither error nor warning, with 1 when there is.

    --fix removes byte-order marks, gives 0-byte captions a newline, renames .caption to .txt (where no .txt is) and
    .Png to .png, rewrites TOML values of the wrong type where that says the same thing, and bakes EXIF orientation
    and transparency (on white) into a PNG of a new name, since latent caches know a picture by name and size alone.
    The picture as it was stays as NAME.orig. It leaves alone: lines after a caption's first (blank ones are no fault),
    anything that it does not understand, and any mend that would replace a file.

    \b
    Example:
      prep lint outputs/characters
      prep lint my-set/dataset.toml --fix
    """
    from prep.lint.look import lint, mend
    from prep.process.pictures import trust_our_own_limits

    trust_our_own_limits()
    report, mended, failed = mend(path) if fix else (lint(path), 0, [])
    for line in lines(report.findings, every):
        click.echo(line)
    for line in failed:
        click.echo(f"not mended: {line}")
    click.echo(summary(report, mended))
    click.get_current_context().exit(1 if report.wrong else 0)


def lines(findings: "Sequence[Finding]", every: bool) -> Iterator[str]:
    """One block a rule: what and where, why, mend."""
    for rule, group in groupby(findings, key=lambda finding: finding.rule):
        found = list(group)
        shown = found if every else found[:SHOWN]
        yield f"{rule.level} {rule.id}: {found[0].place}: {found[0].what}"
        for finding in shown[1:]:
            yield f"    also  {finding.place}: {finding.what}"
        if len(found) > len(shown):
            yield f"    and {len(found) - len(shown):,} more: --all lists them"
        yield f"    why   {rule.why}"
        yield f"    mend  {rule.mend}{' (--fix does it)' if any(finding.fix for finding in found) else ''}"


def summary(report: "Report", mended: int) -> str:
    """The last line: '2 errors, 1 warning in 24 images of 3 folders'."""
    counts = {level: 0 for level in ("error", "warning", "note")}
    for finding in report.findings:
        counts[finding.rule.level] += 1
    told = ", ".join(f"{_many(count, level)}" for level, count in counts.items() if count)
    where = f"{_many(report.images, 'image')} in {_many(report.folders, 'folder')}"
    return f"{f'{mended} mended; ' if mended else ''}{where}: {told or 'nothing wrong'}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
