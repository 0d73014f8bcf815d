"""The parts of the page, each from what was counted for it. Markup alone: nothing is read, nothing is counted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from prep.captions.compose import prompt_text
from prep.names import quantity
from prep.report import plots
from prep.report.counts import APART, LEVELS, TOGETHER, Character, Counted, Level, Together
from prep.report.drawn import Tried
from prep.report.facts import Facts
from prep.report.html import Html, bullets, counted, name, names, paragraph, section, side_by_side, table, text
from prep.report.rows import Picture
from prep.report.thumbs import Thumbs

MOST_CHARACTERS = 300  # rows of a table
MOST_TAGS, MOST_BARS = 60, 20
MOST_TOGETHER = 30  # rows of a table
MOST_VARIANTS = 12
MOST_DISPUTED = 5
LEFT_TO_TRIGGER = "left to the trigger word"


def head(facts: Facts, pictures: Sequence[Picture], found: Sequence[Character], by_level: Sequence[Level] = ()) -> Html:
    real, drawn = (sum(len(getattr(each, kind)) for each in found) for kind in ("kept", "accepted"))
    crops = sum(each.crops for each in found)
    tiles = [
        (real + crops + drawn, "pictures to train on"),
        (real, "real"),
        *([(crops, "crops of these")] if crops else []),
        (drawn, "drawn and accepted"),
        (len(found), "character" if len(found) == 1 else "characters"),
        (sum(picture.real and not picture.kept for picture in pictures), "real, left out"),
        (sum(each.drawn for each in found) - drawn, "drawn, left out"),
    ]
    cells = "".join(f"<div><dt>{label}</dt><dd>{count:,}</dd></div>" for count, label in tiles)
    lines = [
        ("Read by", names(facts.taggers, none="no tagger")),
        *_second_reader(pictures),
        ("Drawn by", names(facts.generators, none="nothing was drawn")),
        ("Threshold", text(_threshold(facts, by_level))),
    ]
    about = "".join(f"<div><dt>{text(label)}</dt><dd>{value}</dd></div>" for label, value in lines)
    trial = _trial(facts) if facts.trial else ""
    return Html(f'<header><p class="kind">LoRA training set</p><h1>{name(facts.name)}</h1>{trial}'
                f'<dl class="tiles">{cells}</dl><dl class="about">{about}</dl></header>')  # fmt: skip


def characters(found: Sequence[Character], shown: Mapping[str, list[Picture]], thumbs: Thumbs) -> Html:
    rows = [
        [
            name(each.name),
            name(each.trigger),
            len(each.kept),
            len(each.accepted),
            each.left_out,
            names((prompt_text(trait.tag) for trait in each.traits), 8, none="none yet"),
        ]
        for each in found[:MOST_CHARACTERS]
    ]
    heads = ["character", "trigger", "real", "drawn, accepted", "left out", LEFT_TO_TRIGGER]
    cards = [_card(each, shown.get(each.name, []), thumbs) for each in found[:MOST_CHARACTERS]]
    return section(
        "characters",
        "Characters",
        table("Characters, their trigger words and pictures", heads, rows, len(found) - len(rows)),
        *[card for card in cards if card],
        paragraph(
            f"{quantity(thumbs.gone, 'picture')} could not be shown: the files are gone or cannot be read.", "faint"
        )
        if thumbs.gone
        else "",
    )


def tags(found: Sequence[Counted], images: int, sentences: int) -> Html:
    """images: captions that are lists of tags. sentences: the others."""
    what = "is a sentence, or has several lines" if sentences == 1 else "are sentences, or have several lines"
    apart = paragraph(f"{quantity(sentences, 'caption')} {what}: not counted here.") if sentences else ""
    if not found:
        return section("tags", "Tags", paragraph("No caption has a tag.", "faint"), apart)
    rows = [[name(prompt_text(tag)), count, f"{count / images:.0%}"] for tag, count in found[:MOST_TAGS]]
    once = sum(count == 1 for _, count in found)
    return section(
        "tags",
        "Tags of the captions",
        paragraph(
            f"{quantity(len(found), 'tag')} in {quantity(images, 'caption')}, as they are now; "
            f"{once:,} of them in one caption only."
        ),
        apart,
        side_by_side(
            plots.bars("The most frequent tags", [(prompt_text(tag), count) for tag, count in found[:MOST_BARS]]),
            table("Tags by the number of captions that have them", ["tag", "captions", "share"], rows,
                  len(found) - len(rows)),
        ),
    )  # fmt: skip


def levels(facts: Facts, found: Sequence[Level], lengths: Sequence[int]) -> Html:
    if not found:
        return section("thresholds", "Thresholds", paragraph("No picture was read.", "faint"))
    rows = [
        [each.name, each.images, each.threshold if each.threshold is not None else "-",
         *([each.tags, f"{each.fewest:,} to {each.most:,}"] if each.tags is not None else ["-", "-"])]
        for each in found
    ]  # fmt: skip
    return section(
        "thresholds",
        "Thresholds by level",
        paragraph(f"The score from which a tag counts: {_threshold(facts, found)}."),
        table(
            "Levels of complexity, of real pictures in the set",
            ["level", "pictures", "threshold (median)", "tags (median)", "tags"],
            rows,
        ),
        side_by_side(
            plots.columns("Pictures by level", [(each.name, each.images) for each in found]),
            plots.columns("Pictures by the number of tags in their captions", _histogram(lengths)),
        ),
    )


def together(found: Sequence[Together]) -> Html:
    rule = (
        f"Tags in at least {TOGETHER} pictures of a character, with at least {APART} pictures that lack them. Training "
        "cannot tell tags apart that are always together: pictures that show one without the others would help."
    )
    groups = [part for part in found if not part.others]
    pairs = [part for part in found if part.others]
    parts = []
    if groups:
        rows = [[name(part.character), _tags(part.tags), part.images, part.of] for part in groups[:MOST_TOGETHER]]
        heads = ["character", "tags", "pictures", "of"]
        parts.append(table("Always together", heads, rows, len(groups) - len(rows)))
    if pairs:
        rows = [
            [name(part.character), _tags(part.tags), _tags(part.others), part.images, part.more, part.of]
            for part in pairs[:MOST_TOGETHER]
        ]
        heads = ["character", "tags", "never without", "pictures with both", "with the latter alone", "of"]
        parts.append(table("Never without others", heads, rows, len(pairs) - len(rows)))
    return section("together", "Tags that never part", paragraph(rule), *(parts or [paragraph("None.", "faint")]))


def coverage(found: Sequence[tuple[str, Sequence[str]]], problem: str) -> Html:
    """found: (character, lines)."""
    parts = [
        f"<details{' open' if len(found) <= 6 else ''}><summary>{name(character)}</summary>{bullets(lines)}</details>"
        for character, lines in found[:MOST_CHARACTERS]
        if lines
    ]
    if problem:
        parts = [paragraph(f"Not known: {problem}.", "faint")]
    return section(
        "coverage",
        "Coverage",
        paragraph("What the pictures show of all that can be varied, the rarest first; drawn and accepted ones apart."),
        *(parts or [paragraph("Nothing to tell.", "faint")]),
    )


def drawn(found: Sequence[Tried], held: Sequence[tuple[str, Sequence[str]]]) -> Html:
    if not found:
        return section("drawn", "Drawn pictures", paragraph("Nothing was drawn.", "faint"))
    rows = [
        [each.kind, each.manner, each.images, each.accepted,
         names((counted(*reason) for reason in each.reasons), none="-"), each.identity, each.damage]
        for each in found
    ]  # fmt: skip
    heads = ["kind", "manner", "drawn", "accepted", "why not", "difference from the real ones", "damage"]
    labels = [f"{each.kind}, {each.manner}" for each in found]
    accepted = [each.accepted for each in found]
    rejected = [each.images - each.accepted for each in found]
    lines = [
        f"<details{' open' if len(held) <= 6 else ''}><summary>{name(character)}</summary>{bullets(each)}</details>"
        for character, each in held[:MOST_CHARACTERS]
        if each
    ]
    return section(
        "drawn",
        "Drawn pictures and their verdicts",
        paragraph("Only accepted augmentations are trained on. Difference and damage: medians of what was measured."),
        plots.stacked("Accepted and rejected", labels, {"accepted": accepted, "rejected": rejected}),
        table("Verdicts by kind and manner", heads, rows),
        "<h3>What the model holds of each character</h3>" if lines else "",
        *lines,
    )  # fmt: skip


def _card(each: Character, pictures: Sequence[Picture], thumbs: Thumbs) -> str:
    real = [image for picture in pictures if picture.real and (image := thumbs.image(picture, f"real, {each.name}"))]
    drawn = [
        image for picture in pictures if not picture.real and (image := thumbs.image(picture, f"drawn, {each.name}"))
    ]
    if not (real or drawn or each.core):
        return ""
    variants = [counted(variant, count) for variant, count in sorted(each.variants.items())]
    lines = [
        (LEFT_TO_TRIGGER, names((counted(prompt_text(tag), count) for tag, count in each.traits), none="none yet")),
        ("core tags", names(counted(prompt_text(tag), count) for tag, count in each.core)),
    ]
    if variants:
        lines.append(("variants", names(variants, MOST_VARIANTS)))
    about = "".join(f"<div><dt>{text(label)}</dt><dd>{value}</dd></div>" for label, value in lines)
    strips = [
        f'<h4>{label}</h4><div class="strip">{"".join(images)}</div>{_more(total, len(images))}'
        for label, images, total in (("real", real, len(each.kept)), ("drawn and accepted", drawn, len(each.accepted)))
        if images
    ]
    return (
        f'<article class="card"><h3>{name(each.name)} <span class="faint">trigger</span> '
        f'<code>{name(each.trigger)}</code></h3><dl class="about">{about}</dl>{"".join(strips)}</article>'
    )


def _tags(found: Sequence[str]) -> Html:
    return names(map(prompt_text, found), 12)


def _more(total: int, shown: int) -> str:
    return f'<p class="faint">and {total - shown:,} more</p>' if total > shown else ""


def _trial(facts: Facts) -> str:
    many = quantity(facts.trial, "picture")
    return (
        f'<p class="trial"><strong>TRIAL.</strong> A starter model, which knows three characters, read or drew {many}. '
        "Tags and drawings of other art mean little.</p>"
    )


def _second_reader(pictures: Sequence[Picture]) -> Iterator[tuple[str, Html]]:
    """A line about the second reader, if there is one: where it differs from the first."""
    read, differ, first = 0, 0, ""
    about: Counter[str] = Counter()
    for picture in pictures:
        if picture.second and picture.trains:
            read, first = read + 1, first or picture.second
            differ += bool(picture.disagrees)
            about.update(picture.disagrees)
    if not read:
        return
    most = ", ".join(f"{prompt_text(tag)} ({count:,})" for tag, count in about.most_common(MOST_DISPUTED))
    said = f"; differs in {differ:,} of {quantity(read, 'picture')}"
    yield "Second reader", Html(name(first) + text(said + (f", most about {most}" if most else "")))


def _threshold(facts: Facts, found: Sequence[Level] = ()) -> str:
    """found: what was used at each level; without it, what the settings say."""
    mode = facts.setting("thresholds", "mode", "")
    own = len(facts.setting("thresholds", "overrides", {}))
    more = (
        f"; {quantity(own, 'tag')} with {'one' if own == 1 else 'thresholds'} of {'its' if own == 1 else 'their'} own"
    )
    if mode == "fixed":
        found = f"one for all, {facts.setting('thresholds', 'fixed', 0.0):g}"
    elif mode == "mcut":
        found = "at the largest gap between a picture's scores"
    elif mode == "complexity":
        used = {each.name: each.threshold for each in found if each.threshold is not None}
        said = {level: facts.setting("thresholds", level, 0.0) for level in LEVELS}
        if any(used[level] != said[level] for level in LEVELS if level in used):
            said = used  # the tagger brought its own
        numbers = [f"{level} {threshold:g}" for level, threshold in said.items()]
        found = f"by complexity: {', '.join(numbers)}"
    else:
        return "not known"
    return found + (more if own else "")


def _histogram(lengths: Sequence[int]) -> list[tuple[str, int]]:
    """Pictures by ranges of at most 12 numbers."""
    if not len(lengths):
        return []
    lowest, highest = int(min(lengths)), int(max(lengths))
    step = max(1, -(-(highest - lowest + 1) // 12))
    found = []
    for begin in range(lowest, highest + 1, step):
        count = sum(begin <= each < begin + step for each in lengths)
        found.append((str(begin) if step == 1 else f"{begin}-{begin + step - 1}", count))
    return found
