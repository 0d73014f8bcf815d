"""What happened to every file in SRC: kept, or left out for a reason with a count and a line in problems.txt."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from prep.dataset.problems import equation, reasons
from prep.names import printable, quantity
from prep.pipeline.records import Exported, Scanned
from prep.scan.larger import compared
from prep.scan.listing import Left, label
from prep.sections import Scan
from prep.types import BY_HAND, ImageRef, Problem, Row

SHOWN = 4
NOT_EXPORTED = "not_exported"
RESTORE = "`prep restore` brings it back"


@dataclass(frozen=True)
class Fates:
    kept: int  # pictures of SRC in the training set
    counted: Mapping[str, int]  # captions, settings, system files
    left_out: Counter[str]  # files, by reason
    unread: Counter[str]  # of these, files that were not pictures to read
    lines: tuple[tuple[str, Problem], ...]  # (path, why) for what the rules leave out
    alike: tuple[tuple[str, Problem], ...]  # pictures in the set that are nearly others, or another character's too
    without: dict[str, Problem]  # characters that have files, but no picture in the set
    passed: tuple[Left, ...]  # folders

    @property
    def equation(self) -> str:
        return equation(self.kept, self.counted, self.left_out)

    @property
    def elsewhere(self) -> dict[str, dict[str, int]]:
        """The counts of files that are not in the manifest: with its rows they give the equation again."""
        return {"counted": dict(self.counted), "left_out": dict(self.unread)}

    @property
    def passed_over(self) -> str:
        """'3 folders are skipped: aa/@eaDir/, bb/@eaDir/ (thumbnails), .hack/ (hidden)'; or empty."""
        if not self.passed:
            return ""
        names: dict[str, list[str]] = defaultdict(list)
        for each in self.passed:
            names[each.kind.name].append(printable(each.path))
        many = "1 folder is" if len(self.passed) == 1 else f"{len(self.passed):,} folders are"
        return f"{many} skipped: {', '.join(f'{_some(paths)} ({name})' for name, paths in names.items())}"


def fates_of(record: Scanned, scan: Scan, problems: Mapping[str, Problem]) -> Fates:
    """problems: path -> what went wrong, which already has a line. scan: the settings that selected the rows."""
    listing, seen = record.listing, _looked_through(record)
    by_reason = sum(seen.reasons.values(), Counter())
    kept = by_reason.pop("", 0)
    return Fates(
        kept=kept,
        counted=listing.counted,
        left_out=by_reason + listing.left_out,
        unread=listing.left_out,
        lines=(*_rejected(record, seen, scan, problems), *_left(listing.left), *_left(listing.passed)),
        alike=(*_near(record, seen), *_shared(seen)),
        without=_without(record, seen),
        passed=listing.passed,
    )


@dataclass(frozen=True)
class Seen:
    """The pictures of SRC, looked through once: of most there is nothing to say."""

    told: list[tuple[Row, str | None]]  # of the others, each with why it is not in the set; None: it is
    reasons: dict[str, Counter[str]]  # character -> why -> pictures; empty: they are in the set
    readable: set[str]  # characters with a picture that can be read
    settled: set[str]  # characters with a picture in the set, or one that the user took out


def _looked_through(record: Scanned) -> Seen:
    seen = Seen([], defaultdict(Counter), set(), set())
    exported = isinstance(record, Exported)
    for row in record.rows:
        if row.made:
            continue
        why, character = left_out_for(row.status, row.reason, row.exported, exported), row.ref.character
        seen.reasons[character][why or ""] += 1
        if why or row.reason or row.near_of or "shared" in row.flags:
            seen.told.append((row, why))
        if row.ref.width:
            seen.readable.add(character)
        if not why or row.status == "excluded" or row.reason == BY_HAND:
            seen.settled.add(character)
    return seen


def left_out_for(status: str, reason: str | None, file: str | None, exported: bool = True) -> str | None:
    """Why a picture of SRC is not in the set, in one word; None: it is. For rows of a run, and of a manifest.

    file: its path in the dataset folder. exported: whether every kept picture has such a path.
    """
    if status == "kept":
        return NOT_EXPORTED if exported and not file else None
    return reason or status


def _rejected(
    record: Scanned, seen: Seen, scan: Scan, problems: Mapping[str, Problem]
) -> Iterator[tuple[str, Problem]]:
    left_out = [row for row, _ in seen.told if row.reason or row.status != "kept"]
    copied = {(row.ref.character, row.ref.same) for row in left_out if row.reason == "copy"}
    real = (row.ref for row in record.rows if not row.made and row.status != "duplicate") if copied else ()
    originals = {shown: ref.path for ref in real if (shown := (ref.character, ref.same)) in copied}
    refs = _originals(record, (row for row in left_out if row.reason == "near_copy"))
    for row in left_out:
        ref, place = row.ref, row.ref.path
        size = f"{ref.width}x{ref.height} px"
        match row.reason or row.status:
            case "copy":
                original = printable(originals.get((ref.character, ref.same), ""))
                said = f"is the same picture as {original}", "only one of them is in the set; delete whichever you like"
            case "too_small":
                limit = f"{size}: its shorter side is below {scan.min_side_px} px"
                said = limit, "use a larger version, or lower scan.min_side_px"
            case "aspect":
                said = f"{size}: longer than {scan.max_aspect:g} to 1", "crop it, or raise scan.max_aspect"
            case "blurred":
                said = f"its sharpness is {ref.sharpness:.1f}, below {scan.min_sharpness:g}", "use a sharper version"
            case "near_copy":
                said = _nearly(row, refs), '`scan.near_copies = "flag"` keeps both'
            case "over_cap":
                said = f"more than {quantity(scan.max_images, 'image')} of its character", "raise scan.max_images"
            case "excluded":
                said = "was removed by hand", RESTORE
            case reason if reason == BY_HAND:
                said = "was rejected by hand", RESTORE
            case reason if row.status != "kept" and place not in problems:
                said = f"is {reason.replace('_', ' ')}", "run again"
            case _:  # kept, or reported where it went wrong
                continue
        yield place, Problem("scan", row.reason or row.status, *said)


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN:,} more" if paths[SHOWN:] else ""
    return ", ".join(paths[:SHOWN]) + more


def _left(left: tuple[Left, ...]) -> Iterator[tuple[str, Problem]]:
    """One line per file, but one for all files of a folder with the same ending that are not pictures anyway."""
    alike: dict[tuple[str, str], list[Left]] = defaultdict(list)
    for each in left:
        if each.kind.fails:
            continue  # already reported where it went wrong
        if each.kind.name == "other":
            alike[each.path.rpartition("/")[0], label(each)].append(each)
        else:
            yield each.path, each.kind.problem
    for (folder, ending), files in alike.items():
        path, problem = files[0].path, files[0].kind.problem
        if len(files) > 1:
            name = f"*{ending}" if ending.startswith(".") else "*"
            path = f"{folder}/{name}" if folder else name
            problem = replace(problem, message=f"{quantity(len(files), 'file')}: each {problem.message}")
        yield path, problem


def _near(record: Scanned, seen: Seen) -> Iterator[tuple[str, Problem]]:
    near = [row for row, why in seen.told if row.near_of and not why and BY_HAND not in row.flags]
    refs = _originals(record, near)
    for row in near:
        hint = '`scan.near_copies = "drop"` keeps only that one'
        yield row.ref.path, Problem("scan", "near_copy", f"{_nearly(row, refs)}; both are in the set", hint)


def _originals(record: Scanned, copies: Iterable[Row]) -> dict[tuple[str, str], ImageRef]:
    """(character, sha256) -> the picture, of those that these are near copies of."""
    wanted = {(row.ref.character, row.near_of) for row in copies}
    refs = (row.ref for row in record.rows if not row.made) if wanted else ()
    return {picture: ref for ref in refs if (picture := (ref.character, ref.sha256)) in wanted}


def _nearly(row: Row, refs: Mapping[tuple[str, str], ImageRef]) -> str:
    near = refs.get((row.ref.character, row.near_of or ""))
    if near is None:
        return "is nearly another picture"
    return f"is nearly {printable(near.path)}, which is {compared(near, row.ref)}"


def _shared(seen: Seen) -> Iterator[tuple[str, Problem]]:
    places: dict[str, list[Row]] = defaultdict(list)
    for row, why in seen.told:
        if not why and "shared" in row.flags:
            places[row.ref.same].append(row)
    for same in places.values():
        for row in same:
            if other := next((each for each in same if each.ref.character != row.ref.character), None):
                said = f"is the same picture as {printable(other.ref.path)}, of another character; both are in the set"
                yield row.ref.path, Problem("scan", "shared", said, "delete one, unless it shows both")


def _without(record: Scanned, seen: Seen) -> dict[str, Problem]:
    """Characters without a picture, except those that the user emptied."""
    left = defaultdict(Counter, {character: Counter(reasons) for character, reasons in seen.reasons.items()})
    for each in record.listing.left:
        if each.kind.art and each.character:
            left[each.character][label(each)] += 1
    found = {}
    for character in record.listing.expected:
        if character not in seen.settled:
            what = "has no image that is kept" if character in seen.readable else "has no readable image"
            said = f"{what}: {reasons(left[character])}"
            found[f"{character}/"] = Problem("scan", "no_image", said, "add pictures, or remove its folder")
    return found
