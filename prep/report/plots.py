"""Bar charts as SVG inside the page, drawn by pygal. The page's style sheet colours them: they fit light and dark.

Of what pygal draws, its scripts, styles, tool tips and comments (with a date) are left out, and so is all that is not
the same in every run.
"""

import html
from collections.abc import Mapping, Sequence

from prep.names import printable
from prep.report.html import Html, text

WIDTH_PX, BAR_PX, COLUMNS_PX = 640, 24, 260
LABEL_LETTERS = 28
TOOLTIPS = ("tooltip", "plot tooltip-overlay")
DRAWN = {"svg", "g", "rect", "path", "text", "line", "circle"}
ATTRIBUTES = ("class", "transform", "x", "y", "width", "height", "rx", "ry", "d", "text-anchor", "viewBox")


def bars(title: str, values: Sequence[tuple[str, int]]) -> Html:
    """One bar per value, from the top down."""
    return _plot("HorizontalBar", title, [label for label, _ in values], {"": [count for _, count in values]})


def stacked(title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> Html:
    """One bar per label, of several parts with a legend."""
    return _plot("HorizontalStackedBar", title, labels, series)


def columns(title: str, values: Sequence[tuple[str, int]]) -> Html:
    """One column per value, from left to right."""
    return _plot("Bar", title, [label for label, _ in values], {"": [count for _, count in values]})


def _plot(kind: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> Html:
    if not labels or not any(any(values) for values in series.values()):
        return Html("")
    import pygal  # imported here: only a report needs it

    down = kind.startswith("Horizontal")
    legend = len(series) > 1
    chart = getattr(pygal, kind)(
        js=[], width=WIDTH_PX, height=60 + BAR_PX * len(labels) if down else COLUMNS_PX,
        show_legend=False, print_values=not legend, print_values_position="top", print_zeroes=False,
        truncate_label=-1, spacing=6, margin=6,
        show_x_guides=down, show_y_guides=not down, style=pygal.style.Style(label_font_size=12, value_font_size=11),
        value_formatter=lambda value: f"{value:,.0f}", min_scale=2, max_scale=6,
    )  # fmt: skip
    shown = [_short(label) for label in labels]
    chart.x_labels = shown[::-1] if down else shown
    for name, values in series.items():
        chart.add(name, list(values)[::-1] if down else list(values))
    drawn = _written(chart.render_tree(), f' role="img" aria-label="{text(title)}"')
    keys = "".join(f'<span class="key color-{at}">{text(name)}</span>' for at, name in enumerate(series))
    return Html(
        f'<figure class="plot"><figcaption>{text(title)}{f"<br>{keys}" if legend else ""}</figcaption>{drawn}</figure>'
    )


def _short(label: str) -> str:
    found = printable(label)
    return found if len(found) <= LABEL_LETTERS else f"{found[: LABEL_LETTERS - 1]}…"


def _written(node, more: str = "") -> str:
    """An element of pygal's tree, of lxml or not, as it stands in HTML: without namespaces."""
    tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""  # a comment's is a function
    if tag not in DRAWN or node.get("class") in TOOLTIPS:
        return ""
    found = {key: _plain(node.get(key)) for key in ATTRIBUTES if node.get(key)}
    written = "".join(f' {key}="{html.escape(value)}"' for key, value in found.items())
    inside = html.escape(node.text or "") + "".join(map(_written, node))
    return f"<{tag}{written}{more}>{inside}</{tag}>" if inside or tag not in ("g", "text") else ""


def _plain(value: str) -> str:
    """Coordinates to a hundredth of a pixel."""
    return " ".join(_rounded(part) for part in value.split(" "))


def _rounded(part: str) -> str:
    head = part.rstrip("0123456789.-")
    number = part[len(head) :]
    try:
        return f"{head}{round(float(number), 2):g}" if "." in number else part
    except ValueError:
        return part
