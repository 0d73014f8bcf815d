"""The parts of the page that ask for a look: buckets and crops, near copies, problems. Markup alone."""

from collections.abc import Iterator, Mapping, Sequence

from prep.dataset.buckets import MUCH, by_bucket, warnings
from prep.dataset.heads import Heads, cut_heads, lost_head
from prep.names import quantity
from prep.report import plots
from prep.report.html import Html, bullets, counted, name, names, paragraph, section, side_by_side, table, text
from prep.report.problems import Line, kinds
from prep.report.rows import Picture
from prep.report.thumbs import Thumbs
from prep.report.trained import Trained
from prep.scan.larger import compared
from prep.types import RETOUCHED, Box

MOST_BUCKETS = 60
MOST_CROPS = 12  # pictures per dataset
MOST_COPIES = 100
COPIES_SHOWN = 8  # pairs with pictures
MOST_LINES = 200


def buckets(found: Sequence[Trained], problem: str, pictures: Sequence[Picture], thumbs: Thumbs, heads: Heads) -> Html:
    if problem:
        return section("buckets", "Buckets", paragraph(f"Not known: dataset.toml {problem}.", "faint"))
    rule = (
        "sd-scripts trains pictures of one shape together: each is scaled to cover a bucket, and what stands over is "
        "cut off."
    )
    parts = [_dataset(each, pictures, thumbs, heads) for each in found]
    return section("buckets", "Buckets", paragraph(rule), paragraph(_measured(found, pictures, heads)), *parts)


def near_copies(pictures: Sequence[Picture], thumbs: Thumbs) -> Html:
    found = [picture for picture in pictures if "near_copy" in picture.flags and picture.near_of]
    if not found:
        return section("copies", "Near copies", paragraph("None.", "faint"))
    originals = {(picture.character, picture.near_of) for picture in found}
    real = (picture for picture in pictures if picture.real)
    others = {shown: each for each in real if (shown := (each.character, each.image_id)) in originals}
    rows, pairs = [], []
    for picture in found[:MOST_COPIES]:
        other = others.get((picture.character, picture.near_of))
        which = compared(other, picture) if other else "-"
        rows.append([name(picture.character), _called(picture), _called(other), which, picture.status])
        images = [each and thumbs.image(each, "near copy") for each in (picture, other)]
        if len(pairs) < COPIES_SHOWN and all(images):
            pairs.append(f'<div class="strip two">{"".join(images)}</div>')
    heads = ["character", "picture", "nearly the same as", "which is", "status"]
    return section(
        "copies",
        "Near copies",
        paragraph(
            "Pictures that look nearly alike count more than others. Keep the better one, unless both are wanted."
        ),
        f'<div class="pairs">{"".join(pairs)}</div>' if pairs else "",
        table("Near copies", heads, rows, len(found) - len(rows)),
    )


def problems(found: Sequence[Line], problem: str, left_out: Mapping[tuple[str, str], int]) -> Html:
    """left_out: (status, reason) -> real pictures."""
    counts = [[status, name(reason or "-"), count] for (status, reason), count in sorted(left_out.items())]
    rows = [[name(line.file), line.kind, line.message, line.hint or "-"] for line in found[:MOST_LINES]]
    parts = [
        table("Real pictures that are not in the set", ["status", "reason", "pictures"], counts) if counts else "",
        paragraph(names(counted(*each) for each in kinds(list(found)))) if found else "",
        table(
            "What was skipped or is worth a look", ["file", "kind", "what", "what to do"], rows, len(found) - len(rows)
        )
        if rows
        else "",
        paragraph(problem) if problem else "",
    ]
    return section("problems", "Problems", *(parts if any(parts) else [paragraph("None.", "faint")]))


def _measured(found: Sequence[Trained], pictures: Sequence[Picture], heads: Heads) -> str:
    """In how many pictures it is known whether a head is cut."""
    placed = [key for each in found for key, placement in sorted(each.placements.items()) if placement]
    known = sum(bool(_heads(pictures[key], heads)) for key in placed)
    if not known:
        return "Whether a head is cut is not measured: a run with crops finds the heads."
    return (
        f"A head is known in {known:,} of {quantity(len(placed), 'picture')}; whether others are cut is not measured."
    )


def _heads(picture: Picture, heads: Heads) -> Sequence[Box]:
    return heads.get(picture.image_id, ()) if RETOUCHED not in picture.flags else ()


def _dataset(each: Trained, pictures: Sequence[Picture], thumbs: Thumbs, heads: Heads) -> str:
    if each.rules is None:
        return paragraph(f"Dataset {each.number}: sd-scripts stops at its numbers; `prep lint` says why.")
    width, height = each.rules.resolution
    title = f"<h3>Dataset {each.number}: {width}×{height}, {quantity(len(each.placements), 'picture')}</h3>"
    groups = by_bucket(each.placements)
    sizes = [f"{size[0]}×{size[1]}" for size in groups]
    rows = [_bucket(label, keys, each) for label, keys in zip(sizes, groups.values(), strict=True)]
    columns = ["bucket", "pictures", "with repeats", "largest crop", "enlarged", "fewer pixels than wanted"]
    counts = [(label, len(keys)) for label, keys in zip(sizes, groups.values(), strict=True)]
    most = sorted(counts, key=lambda pair: -pair[1])[:20]
    how = f"batch_size {each.batch_size}: " + (
        "each picture is a batch of its own." if each.batch_size == 1 else "the last batch of a bucket may be smaller."
    )
    said = [*_cut_heads(each, pictures, heads), *warnings(each.placements, each.batch_size)]
    if each.random_crop:
        said.append("random_crop is on: the crops are as large, but lie elsewhere each time")
    return "".join(
        [
            title,
            paragraph(how, "faint"),
            bullets(said),
            side_by_side(
                plots.bars("Pictures by bucket", [pair for pair in counts if pair in most]),
                table("Buckets", columns, rows[:MOST_BUCKETS], max(0, len(rows) - MOST_BUCKETS)),
            ),
            _crops(each, pictures, thumbs),
        ]
    )


def _cut_heads(each: Trained, pictures: Sequence[Picture], heads: Heads) -> Iterator[str]:
    placed = ((pictures[key], placement) for key, placement in sorted(each.placements.items()) if placement)
    lost = ((picture, lost_head(_heads(picture, heads), placement, picture.width, picture.height) or 0.0)
            for picture, placement in placed)  # fmt: skip
    return cut_heads((_file_name(picture), picture.character, share) for picture, share in lost)


def _bucket(label: str, keys: Sequence[int], each: Trained) -> list[object]:
    found = [each.placements[key] for key in keys]
    repeats = sum(each.repeats[key] for key in keys)
    lost = f"{max(placement.lost for placement in found):.0%}"
    return [
        label,
        len(keys),
        repeats,
        lost,
        *(sum(getattr(one, kind) for one in found) for kind in ("upscaled", "small")),
    ]


def _crops(each: Trained, pictures: Sequence[Picture], thumbs: Thumbs) -> str:
    """The pictures that lose most, with what stays of them framed."""
    much = [(key, placement) for key, placement in each.placements.items() if placement and placement.lost > MUCH]
    much.sort(key=lambda pair: (-pair[1].lost, pair[0]))
    shown = []
    for key, placement in much[:MOST_CROPS]:
        if image := thumbs.image(pictures[key], f"loses {placement.lost:.0%}"):
            left, top, right, bottom = (f"{share:.2%}" for share in placement.crop)
            width, height = (f"{placement.crop[at + 2] - placement.crop[at]:.2%}" for at in (0, 1))
            frame = f'<span class="stays" style="left:{left};top:{top};width:{width};height:{height}"></span>'
            shown.append(f'<figure class="crop"><div>{image}{frame}</div><figcaption>loses {placement.lost:.0%}: '
                         f"{_called(pictures[key])}</figcaption></figure>")  # fmt: skip
    return f'<h4>What the crops take</h4><div class="crops">{"".join(shown)}</div>' if shown else ""


def _called(picture: Picture | None) -> Html:
    if picture is None:
        return text("a picture that is gone")
    return name(picture.source or _file_name(picture))


def _file_name(picture: Picture) -> str:
    return (picture.source or picture.file).rpartition("/")[2]
