"""What the page sends: checked, and turned into actions on pictures."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prep.edits.actions import Action
from prep.review.board import Board
from prep.review.filters import parsed
from prep.review.items import Item
from prep.web.refused import Refused

MOST_ROWS = 200
LONGEST_TAG, LONGEST_CAPTION = 1_000, 100_000  # letters
Text = Annotated[str, Field(max_length=LONGEST_TAG)]


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Rows(Sent):
    ids: Annotated[list[str], Field(max_length=MOST_ROWS)]


class Edit(Sent):
    op: Literal["caption", "accept", "reject", "exclude", "restore", "add", "remove", "rename", "move"]
    id: str | None = None
    text: Annotated[str, Field(max_length=LONGEST_CAPTION)] | None = None
    base: Annotated[str, Field(max_length=LONGEST_CAPTION)] | None = None
    tag: Text | None = None
    map: Annotated[dict[Text, Text], Field(min_length=1, max_length=10_000)] | None = None
    to: Literal["front", "back"] | Annotated[int, Field(ge=0, le=10_000)] = "back"
    ids: list[str] | None = None
    filter: str | None = None
    dry: bool = False
    expect: int | None = None

    def items(self, board: Board) -> list[Item]:
        """Raises Refused, UsageError."""
        if self.op == "caption":
            return [board.item(self.need("id"))]
        if self.ids is not None and self.filter is not None or self.ids is None and self.filter is None:
            raise Refused(422, "it is not said which pictures", "send either ids or a filter")
        if self.ids is not None:
            return [board.item(each) for each in self.ids]
        return board.where(parsed(self.filter))

    def action(self, items: Sequence[Item]) -> Action:
        """Raises Refused."""
        if self.op == "caption":
            return {"do": "caption", "picture": items[0].picture, "text": self.need("text"), "base": self.base}
        action: Action = {"do": self.op, "pictures": [*dict.fromkeys(item.picture for item in items)]}
        if self.op == "rename":
            return action | {"map": self.need("map")}
        if self.op == "move":
            action["to"] = {"front": 0, "back": None}.get(self.to, self.to)
        return action | ({"tag": self.need("tag")} if self.op in ("add", "remove", "move") else {})

    def need(self, name: str) -> Any:
        """Raises Refused when it was not sent."""
        if (value := getattr(self, name)) is None:
            raise Refused(422, f"{self.op} lacks its {name}", "load the page again")
        return value


class Trait(Sent):
    character: str
    name: Text
    choice: Literal["auto", "trigger", "caption"]
    dry: bool = False


class Threshold(Sent):
    name: Text
    level: Literal["simple", "medium", "complex"]
    value: Annotated[float, Field(ge=0, le=1)] | None
    dry: bool = False
