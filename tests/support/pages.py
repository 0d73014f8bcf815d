"""A page of HTML, read as a browser would: elements, what is in them, whether each is closed where it was opened."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def all(self, tag: str) -> list["Element"]:
        """Those inside it, in the page's order."""
        found = [self] if self.tag == tag else []
        return found + [each for child in self.children for each in child.all(tag)]

    def one(self, key: str) -> "Element":
        """The element with this id."""
        (found,) = [each for each in self.everything() if each.attributes.get("id") == key]
        return found

    def everything(self) -> list["Element"]:
        return [self, *(each for child in self.children for each in child.everything())]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element.pieces.append(data)


def read_page(html: str) -> Element:
    """Raises AssertionError when an element is not closed where it was opened."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], "not all is closed"
    return reader.root
