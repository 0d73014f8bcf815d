"""`prep lint` itself: what PATH is, what to read in it, and every rule applied to that."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tomlkit.exceptions import TOMLKitError

from prep.errors import PrepError, UsageError
from prep.files import sweep
from prep.lint import buckets, captions, dataset_toml, datasets, folder, forms, images, pairs, parent, triggers
from prep.lint.base import Base
from prep.lint.findings import LEVELS, Finding, Rule
from prep.lint.toml_file import TomlFile, read_toml
from prep.lint.use import Use, use_of_name, use_of_subset
from prep.names import alike_words, printable

FAMILIES = (
    dataset_toml.RULES,
    datasets.DATASET_RULES,
    datasets.SUBSET_RULES,
    buckets.RULES,
    parent.RULES,
    folder.RULES,
    pairs.RULES,
    captions.RULES,
    forms.RULES,
    triggers.RULES,
    images.RULES,
)
RULES: list[Rule] = [rule for family in FAMILIES for rule in family]
PLACES = {rule.id: place for place, rule in enumerate(RULES)}
AT_ONCE = 1024  # pictures that are waited for: what each needs in memory is as much as its names
PASSES = 5  # a fix can reveal another fault: .Png -> .png, whose alpha is then seen


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]  # errors first, then in the order of RULES, then by place
    folders: int
    images: int
    outside: tuple[str, ...] = ()  # folders outside the named one: nothing is fixed there

    @property
    def wrong(self) -> bool:
        return any(finding.rule.level != "note" for finding in self.findings)


@dataclass(frozen=True)
class _Target:
    path: Path
    shown: str
    use: Use


def lint(path: Path, base: Base | None = None) -> Report:
    """path: a dataset.toml, a folder of `N_name` folders, one folder of images, or outputs/NAME. base: the model that
    the captions are for, if that is known.

    Raises UsageError when it is none of these.
    """
    is_file = path.is_file()
    findings, targets = _of_file(path, base) if is_file else _of_folder(_kohya(path), base)
    home = (path.parent if is_file else path).resolve()
    folders, count, outside = 0, 0, []
    names = frozenset(alike_words(target.use.trigger) for target in targets) - {""}
    together = triggers.Triggers(printable(path.resolve().name) or ".", names)
    for target in targets:
        try:
            listing = folder.read_folder(target.path, target.shown, replace(target.use, base=base))
        except OSError as error:
            raise UsageError(f"{printable(target.shown)} cannot be read: {error.strerror or error}") from None
        folders += 1
        count += len(listing.images)
        found = list(_in_folder(listing, together))
        if any(finding.fix for finding in found) and not target.path.resolve().is_relative_to(home):
            outside.append(target.shown)
            found = [replace(finding, fix=None) for finding in found]
        findings += found
    findings += triggers.RULES.check(together)
    return Report(tuple(sorted(findings, key=_order)), folders, count, tuple(outside))


def apply_fixes(path: Path, base: Base | None = None) -> tuple[Report, int, list[str]]:
    """Apply every safe fix -> (what is left, how many were fixed, why others failed)."""
    done, failed = 0, {}
    home = path.parent if path.is_file() else _kohya(path)
    for each in (home, *home.glob("*/")):  # of a fix that was killed
        sweep(each)
    report = lint(path, base)
    for _ in range(PASSES):
        fixes = {(finding.rule.id, finding.place): finding for finding in report.findings if finding.fix}
        before = done
        for key, finding in fixes.items():
            if key in failed:
                continue
            try:
                finding.fix()
                done += 1
            except FileNotFoundError:
                continue  # moved by another fix in this pass; the next pass sees it
            except (PrepError, OSError, UnicodeDecodeError, RecursionError, TOMLKitError) as error:
                failed[key] = f"{finding.place}: {printable(str(error))}"
        if done == before:
            break
        report = lint(path, base)
    elsewhere = [f"{shown}: is outside {path}; name that folder itself to fix it" for shown in report.outside]
    return report, done, sorted(failed.values()) + elsewhere


def _kohya(path: Path) -> Path:
    """outputs/NAME means its kohya/."""
    if not path.is_dir():
        raise UsageError(
            f"{printable(str(path))} {'is neither file nor folder' if os.path.lexists(path) else 'does not exist'}",
            hint="name a kohya folder, an outputs/NAME folder, or a dataset.toml",
        )
    return path / "kohya" if (path / "kohya").is_dir() and not (path / "dataset.toml").is_file() else path


def _of_file(path: Path, base: Base | None) -> tuple[list[Finding], list[_Target]]:
    if path.suffix.lower() != ".toml":
        raise UsageError(
            f"{printable(str(path))} is neither a folder nor a dataset.toml",
            hint="name the folder that holds it",
        )
    return _of_toml(read_toml(path, printable(path.name)), base)


def _of_toml(file: TomlFile, base: Base | None) -> tuple[list[Finding], list[_Target]]:
    findings = list(dataset_toml.RULES.check(file))
    targets: dict[Path, _Target] = {}
    for dataset in datasets.datasets_of(file, base):
        findings += [*datasets.DATASET_RULES.check(dataset), *buckets.RULES.check(dataset)]
        for subset in dataset.subsets:
            found = list(datasets.SUBSET_RULES.check(subset))
            findings += found
            if not any(finding.rule.id == "dir-missing" for finding in found):
                shown = printable(subset.image_dir.rstrip("/")) or "/"
                use = use_of_subset(subset, file.path)
                targets.setdefault(subset.folder.resolve(), _Target(subset.folder, shown, use))
    return findings, list(targets.values())


def _of_folder(path: Path, base: Base | None) -> tuple[list[Finding], list[_Target]]:
    try:
        here = folder.read_folder(path, printable(path.resolve().name) or ".", use_of_name(path.resolve().name))
    except OSError as error:
        raise UsageError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None
    filled = tuple(name for name in here.names if name in here.folders and _holds_image(path / name))
    numbered = any(parent.repeats_of(name) is not None for name in here.folders)
    toml = read_toml(path / "dataset.toml", "dataset.toml") if "dataset.toml" in here.present else None
    findings, targets = _of_toml(toml, base) if toml else ([], [])
    if toml and toml.values is not None:
        resolved = {target.path.resolve() for target in targets}
        listed = frozenset(name for name in filled if (path / name).resolve() in resolved)
        is_subset = path.resolve() in resolved
        findings += parent.RULES.check(parent.Parent(path, here.shown, here.names, filled, listed, is_subset))
        return findings, targets
    if here.images and not numbered and not toml:
        return findings, [_Target(path, here.shown, here.use)]
    findings += parent.RULES.check(parent.Parent(path, here.shown, here.names, filled, None, False))
    names = [name for name in here.names if name in here.folders]
    scanned = [name for name in names if name in filled or parent.repeats_of(name) is not None]
    return findings, [_Target(path / name, printable(name), use_of_name(name)) for name in scanned]


def _in_folder(listing: folder.Folder, together: triggers.Triggers) -> Iterator[Finding]:
    yield from folder.RULES.check(listing)
    yield from pairs.RULES.check(listing)
    use = listing.use
    together.add(listing.shown, use.trigger)
    for name in listing.captions:
        caption = captions.read_caption(listing.path / name, f"{listing.shown}/{printable(name)}", use)
        together.read(listing.shown, caption.read)
        yield from captions.RULES.check(caption)
        yield from forms.RULES.check(caption)
    # .jxl is left alone: sd-scripts may have its plugin, prep has none.
    readable = [name for name in listing.images if folder.suffix(name).lower() != ".jxl"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for at in range(0, len(readable), AT_ONCE):
            read = pool.map(
                lambda name: images.read_image(
                    listing.path / name, f"{listing.shown}/{printable(name)}", use.alpha_mask
                ),
                readable[at : at + AT_ONCE],
            )
            for image in read:
                yield from images.RULES.check(image)


def _holds_image(path: Path) -> bool:
    try:
        return any(map(folder.looks_like_image, os.listdir(path)))  # noqa: PTH208 - names, not paths
    except OSError:
        return False


def _order(finding: Finding) -> tuple:
    return LEVELS.index(finding.rule.level), PLACES[finding.rule.id], finding.place, finding.what
