"""The whole page: what is read, what is counted of it, and the parts in their order. The same set gives the same
bytes.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from prep.dataset.heads import heads_of
from prep.dataset.opened import Set
from prep.process.heap import trim
from prep.report import looked_at, sections
from prep.report.counts import caption_lengths, characters, frequencies, levels, never_parted
from prep.report.drawn import by_character, coverage, held, tried
from prep.report.facts import facts_of
from prep.report.html import text
from prep.report.problems import read_problems
from prep.report.rows import Picture, read_pictures, read_tags
from prep.report.thumbs import Thumbs, chosen
from prep.report.trained import trained

PARTS = (
    ("characters", "Characters"),
    ("tags", "Tags"),
    ("thresholds", "Thresholds"),
    ("together", "Never parted"),
    ("coverage", "Coverage"),
    ("buckets", "Buckets"),
    ("drawn", "Drawn"),
    ("copies", "Near copies"),
    ("problems", "Problems"),
)


def page(found: Set) -> str:
    """The HTML of the report. Raises UsageError when the set is not finished, or its manifest is damaged."""
    trim()  # what each step read is not needed by the next
    pictures = read_pictures(found)
    trim()
    facts = facts_of(found, pictures)
    tags = read_tags(found, pictures)
    trim()
    everyone = characters(pictures, tags, facts.setting("profile", "core_share", 0.45))
    with_file = sum(bool(picture.file) for picture in pictures)
    thumbs = Thumbs(found.out, facts.setting("scan", "max_pixels", 100_000_000), with_file)
    datasets, problem = trained(found.out, pictures)
    # These first: the pictures that they show are few, and the rest of the room is the characters'.
    buckets = looked_at.buckets(datasets, problem, pictures, thumbs, heads_of(found.out))
    copies = looked_at.near_copies(pictures, thumbs)
    captions = sum(picture.trains for picture in pictures)
    lengths = caption_lengths(pictures, tags)
    own_lengths = [int(lengths[each.at]) for each in pictures if each.kept and each.at not in tags.sentences]
    by_level = levels(pictures, tags)
    samples = by_character(pictures, "consistency")
    lines, unread = read_problems(found.out)
    parts = [
        sections.characters(everyone, chosen(everyone, pictures, thumbs.room), thumbs),
        sections.tags(frequencies(pictures, tags), captions - len(tags.sentences), len(tags.sentences)),
        sections.levels(facts, by_level, own_lengths),
        sections.together(never_parted(everyone, tags)),
        sections.coverage([(each.name, coverage(each, facts.groups)) for each in everyone], facts.groups_problem),
        buckets,
        sections.drawn(tried(pictures), [(each.name, held(each, samples.get(each.name, []))) for each in everyone]),
        copies,
        looked_at.problems(lines, unread, _left_out(pictures)),
    ]
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title in PARTS)
    made = f"Made by prep{f' {facts.version}' if facts.version else ''}"
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(facts.name)}</title><style>{style}</style></head><body>"
        f'{sections.head(facts, pictures, everyone, by_level)}<nav aria-label="Parts">{links}</nav>'
        f"<main>{''.join(parts)}</main><footer>{text(made)}</footer></body></html>\n"
    )


def _left_out(pictures: Sequence[Picture]) -> Counter[tuple[str, str]]:
    return Counter((picture.status, picture.reason) for picture in pictures if picture.real and not picture.kept)
