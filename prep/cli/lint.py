"""prep lint: check a kohya folder or dataset.toml against every rule of sd-scripts that it can break."""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._path import PATH
from prep.cli._say import say
from prep.names import quantity

if TYPE_CHECKING:
    from prep.lint.findings import Finding
    from prep.lint.look import Report

SHOWN = 3  # findings of one rule, without --all


@click.command()
@click.argument("path", type=PATH)
@click.option("--fix", is_flag=True, help="Fix what is safe to fix, then report what is left.")
@click.option("--all", "every", is_flag=True, help=f"List every finding, not just the first {SHOWN} of each rule.")
def command(path: Path, fix: bool, every: bool) -> None:
    """Check a kohya folder or dataset.toml against the rules of kohya's sd-scripts.

    PATH is a folder of N_name folders, one folder of images, an outputs/NAME folder, or a dataset.toml. An error
    stops sd-scripts or makes it train something else; a warning is allowed, but probably a mistake; a note depends on
    the model. Exits with 0 if there is no error or warning, with 1 if there is. In a set that prep made for a base
    model (captions.for), captions are checked against what that model reads.

    --fix removes byte-order marks, adds a newline to 0-byte captions, renames .caption to .txt (if there is no .txt)
    and .Png to .png, rewrites TOML values of the wrong type if the meaning stays the same, and bakes EXIF orientation
    and transparency (on white) into a PNG with a new name, since latent caches identify a picture by name and size
    only. The original stays as NAME.orig. It leaves alone: lines after a caption's first (blank ones are allowed),
    anything that it cannot parse, fixes that would replace a file, links, and folders outside PATH.

    \b
    Example:
      prep lint outputs/characters
      prep lint my-set/dataset.toml --fix
    """
    from prep.dataset.base import base_around
    from prep.dataset.folders import check_folders
    from prep.lint.look import apply_fixes, lint
    from prep.process.pictures import trust_our_own_limits

    if os.path.lexists(path / ".prep"):
        check_folders(path)
    trust_our_own_limits()
    base = base_around(path)
    report, fixed, failed = apply_fixes(path, base) if fix else (lint(path, base), 0, [])
    for line in lines(report.findings, every):
        say(line)
    for line in failed:
        say(f"not fixed: {line}")
    say(summary(report, fixed))
    click.get_current_context().exit(1 if report.wrong else 0)


def lines(findings: "Sequence[Finding]", every: bool) -> Iterator[str]:
    """One block per rule: what and where, why, what to do."""
    for rule, group in groupby(findings, key=lambda finding: finding.rule):
        found = list(group)
        shown = found if every else found[:SHOWN]
        yield f"{rule.level} {rule.id}: {found[0].place}: {found[0].what}"
        for finding in shown[1:]:
            yield f"    also  {finding.place}: {finding.what}"
        if len(found) > len(shown):
            yield f"    and {len(found) - len(shown):,} more: --all lists them"
        yield f"    why   {rule.why}"
        yield f"    fix   {rule.advice}{' (--fix does it)' if any(finding.fix for finding in found) else ''}"


def summary(report: "Report", fixed: int) -> str:
    """The last line: '2 errors, 1 warning in 24 images of 3 folders'."""
    counts = {level: 0 for level in ("error", "warning", "note")}
    for finding in report.findings:
        counts[finding.rule.level] += 1
    found = ", ".join(f"{quantity(count, level)}" for level, count in counts.items() if count)
    where = f"{quantity(report.images, 'image')} in {quantity(report.folders, 'folder')}"
    return f"{f'{fixed} fixed; ' if fixed else ''}{where}: {found or 'nothing wrong'}"
