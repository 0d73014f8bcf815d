"""Pieces of the page. What comes from the set is escaped here, and nowhere else: a name cannot become markup, nor turn
the words beside it around.
"""

import html
from collections.abc import Iterable, Sequence

from prep.names import printable

LONGEST = 120  # letters of a name or tag
LONGEST_LINE = 400  # of a sentence


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: object, most: int = LONGEST_LINE) -> Html:
    """A sentence or a number, escaped; cut if it is longer than `most` letters."""
    if isinstance(value, Html):
        return value
    found = printable(str(value))
    return Html(html.escape(found if len(found) <= most else f"{found[:most]}… ({len(found):,} letters)"))


def name(value: object, most: int = LONGEST) -> Html:
    """A name from the set, on its own: its direction of writing ends with it."""
    return Html(f"<bdi>{text(value, most)}</bdi>")


def names(values: Iterable[object], most: int = 40, none: str = "none") -> Html:
    """Names in a row of chips."""
    found = list(values)
    chips = [f'<span class="chip">{value if isinstance(value, Html) else name(value)}</span>' for value in found[:most]]
    if len(found) > most:
        chips.append(f'<span class="faint">and {len(found) - most:,} more</span>')
    return Html(" ".join(chips)) if chips else Html(f'<span class="faint">{text(none)}</span>')


def counted(value: object, count: int) -> Html:
    """A name with a number beside it."""
    return Html(f'{name(value)} <span class="count">{count:,}</span>')


def paragraph(value: object, kind: str = "") -> Html:
    return Html(f"<p{_class(kind)}>{text(value, 4 * LONGEST_LINE)}</p>")


def bullets(values: Iterable[object]) -> Html:
    items = "".join(f"<li>{text(value)}</li>" for value in values)
    return Html(f"<ul>{items}</ul>" if items else "")


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], more: int = 0) -> Html:
    """Cells that are numbers are set to the right. more: rows that are left out, and said."""
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in heads)
    foot = f'<p class="faint">and {more:,} more</p>' if more else ""
    return Html(
        f'<div class="wide"><table><caption>{text(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{foot}"
    )


def section(key: str, title: str, *parts: str) -> Html:
    return Html(f'<section id="{key}" aria-labelledby="{key}-title"><h2 id="{key}-title">{text(title)}</h2>'
                f"{''.join(parts)}</section>")  # fmt: skip


def side_by_side(*parts: str) -> Html:
    return Html(f'<div class="pair">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>')


def _cell(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".removesuffix("00").removesuffix(".")
        return f'<td class="number">{shown}</td>'
    return f"<td>{text(value)}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
