"""A queue that serves its clients in turn: one that asks for much does not keep the others waiting. Has no threads."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Fair(Generic[T]):
    """Items of a client come out in their own order."""

    def __init__(self) -> None:
        self.clients: OrderedDict[str, deque[T]] = OrderedDict()  # the first is served next

    def __len__(self) -> int:
        return sum(map(len, self.clients.values()))

    def of(self, client: str) -> int:
        """How many items of this client wait."""
        return len(self.clients.get(client, ()))

    def has_room(self, client: str, more: int, most: int) -> bool:
        """Whether so many more of this client may wait: `most` of all together, and half of them if others wait."""
        others = any(other != client for other in self.clients)
        return len(self) + more <= most and not (others and 2 * (self.of(client) + more) > most)

    def put(self, client: str, item: T) -> None:
        self.clients.setdefault(client, deque()).append(item)

    def take(self) -> T:
        """The next one; its client is then the last in turn. Raises IndexError when there is none."""
        if not self.clients:
            raise IndexError("nothing waits")
        client, items = next(iter(self.clients.items()))
        item = items.popleft()
        if items:
            self.clients.move_to_end(client)
        else:
            del self.clients[client]
        return item

    def remove(self, client: str, item: T) -> bool:
        """Whether it was waiting."""
        items = self.clients.get(client, deque())
        if item not in items:
            return False
        items.remove(item)
        if not items:
            del self.clients[client]
        return True

    def in_order(self) -> list[T]:
        """All items in the order in which they will be taken."""
        found, left = [], [list(items) for items in self.clients.values()]
        while left:
            found += [items[0] for items in left]
            left = [items[1:] for items in left if len(items) > 1]
        return found
