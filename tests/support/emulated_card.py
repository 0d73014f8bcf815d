"""A card's memory, emulated on a CPU: what is held there, the peak, and a limit at which it runs out.

Inside `with EmulatedCard(...)`, tensors that are moved to `cuda` report that device and hold a tensor of the CPU, on
which every operation runs. So results are those of a CPU, to the bit. As on a real card, operands on different devices
are an error. Counted are the bytes of all storages on the card; what a kernel itself uses meanwhile is not. Works in
inference mode, in which prep draws and encodes.

For models at full size, large tensors on the card can be hollow: of torch's meta device, which has shapes and no
numbers. They are counted all the same.
"""

import contextlib
import weakref
from collections.abc import Iterator

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

MOVES = ("aten::_to_copy", "aten::to")
ANSWERS = ("item", "is_nonzero", "_local_scalar_dense", "__bool__")
COPIES = (*MOVES, "copy_", "__getitem__", "aten::copy_", "aten::index", "aten::index_put_")  # may take both devices


class EmulatedCard(TorchDispatchMode):
    """held, peak: bytes. limit: bytes at which it raises torch.OutOfMemoryError, or None.

    hollow_from: tensors of so many numbers are hollow; None: none is. What is asked of them is true, or zero.
    """

    def __init__(self, limit: int | None = None, hollow_from: int | None = None) -> None:
        super().__init__()
        self.limit, self.hollow_from, self.device = limit, hollow_from, torch.device("cuda", 0)
        self.held = self.peak = 0
        self.storages: dict[int, int] = {}  # storage -> how many tensors show it

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.run(func, args, kwargs or {})

    def run(self, func, args, kwargs):
        name = func.name().split(".")[0] if hasattr(func, "name") else func.__name__
        found: list[torch.Tensor] = []
        plain, named = tree_map(lambda value: _inner(value, found), (args, dict(kwargs)))
        here = any(isinstance(each, OnCard) for each in found)
        others = [each for each in found if not isinstance(each, OnCard) and each.dim()]
        if here and others and name not in COPIES:
            raise RuntimeError(
                f"{name}: expected all tensors to be on the same device, but found {self.device} and cpu"
            )
        hollow = any(isinstance(each, OnCard) and each.inner.is_meta for each in found)
        if hollow and name.endswith(ANSWERS):
            return True
        if name.endswith("copy_"):
            here = isinstance(args[0], OnCard)
        asked = next((each for each in (*args, named.get("device")) if isinstance(each, torch.device)), None)
        if asked is not None:
            moves = here != (asked.type == "cuda")
            here = asked.type == "cuda"
            if moves and name in MOVES:
                plain = [self._copy(plain[0], here), *plain[1:]]
                hollow = plain[0].is_meta
            home = torch.device("meta" if hollow or asked.type == "meta" else "cpu")
            plain = [home if isinstance(each, torch.device) else each for each in plain]
            named |= {"device": home} if "device" in named else {}
        if hollow:
            plain, named = tree_map(_hollow, (plain, named))
        return tree_map(lambda value: self._shown(value, here, found), func(*plain, **named))

    def _copy(self, value: torch.Tensor, here: bool) -> torch.Tensor:
        """Other memory, of another device."""
        if value.is_meta:
            return torch.zeros(value.shape, dtype=value.dtype)
        large = here and self.hollow_from is not None and value.numel() >= self.hollow_from
        return _hollow(value) if large else value.clone()

    def _shown(self, value, here: bool, found: list[torch.Tensor]):
        if not isinstance(value, torch.Tensor) or not here:
            return value
        for each in found:  # in place: the same object comes back
            if isinstance(each, OnCard) and each.inner is value:
                return each
        return OnCard(value, self)

    def took(self, inner: torch.Tensor) -> int:
        """Count the storage of one more tensor. Raises torch.OutOfMemoryError."""
        storage = inner.untyped_storage()
        key = storage._cdata
        if key not in self.storages:
            size = storage.nbytes()
            if self.limit is not None and self.held + size > self.limit:
                raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size} bytes, {self.held} held")
            self.held += size
            self.peak = max(self.peak, self.held)
        self.storages[key] = self.storages.get(key, 0) + 1
        return key

    def gave(self, key: int, size: int) -> None:
        self.storages[key] -= 1
        if not self.storages[key]:
            del self.storages[key]
            self.held -= size


class _Made(TorchFunctionMode):
    """What Python makes from numbers asks for a device that this torch may lack: made on the CPU, and moved."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        return func(*args, **kwargs)


class OnCard(torch.Tensor):
    @staticmethod
    def __new__(cls, inner: torch.Tensor, card: EmulatedCard):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=card.device,
        )

    def __init__(self, inner: torch.Tensor, card: EmulatedCard) -> None:
        size = inner.untyped_storage().nbytes()
        key = card.took(inner)
        self.inner, self.card = inner, card
        weakref.finalize(self, card.gave, key, size).atexit = False

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _card_of(args, kwargs).run(func, args, kwargs or {})

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch._has_compatible_shallow_copy_type:  # whether a parameter may stay the same object
            return False
        try:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        except RuntimeError as error:  # some methods ask for a device that this torch lacks: they run whole
            if not any(words in str(error) for words in ("not linked with support", "version_counter")):
                raise
        return _card_of(args, kwargs).run(func, args, kwargs or {})


def _card_of(args, kwargs) -> EmulatedCard:
    return next(each.card for each in tree_leaves((args, kwargs)) if isinstance(each, OnCard))


def _hollow(value):
    return value.to("meta") if isinstance(value, torch.Tensor) and not value.is_meta else value


def _inner(value, found: list[torch.Tensor]):
    if not isinstance(value, torch.Tensor):
        return value
    found.append(value)
    return value.inner if isinstance(value, OnCard) else value


def bytes_of(*modules: nn.Module) -> int:
    """The bytes of all weights, as the modules hold them."""
    return sum(value.nbytes for module in modules for value in module.state_dict().values())


@contextlib.contextmanager
def a_card(
    monkeypatch, limit: int | None = None, total: int = 24 * 10**9, hollow_from: int | None = None
) -> Iterator[EmulatedCard]:
    """A machine with one card, as torch would describe it."""
    card = EmulatedCard(limit, hollow_from)
    show_cards(monkeypatch, [("An emulated card", total)])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (total - card.held, total))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device=None: card.peak)
    with _Made(), card:
        yield card


def show_cards(monkeypatch, cards: list[tuple[str, int]], capability: tuple[int, int] = (8, 6)) -> None:
    """Let torch report these cards: (name, bytes) of each."""

    class Properties:
        def __init__(self, name: str, total: int) -> None:
            self.name, self.total_memory = name, total

    def number(device) -> int:
        if device is None or isinstance(device, int):
            return device or 0
        return torch.device(device).index or 0

    for name, answer in {
        "_lazy_init": lambda: None,
        "is_available": lambda: bool(cards),
        "device_count": lambda: len(cards),
        "get_device_properties": lambda device=None: Properties(*cards[number(device)]),
        "get_device_name": lambda device=None: cards[number(device)][0],
        "get_device_capability": lambda device=None: capability,
        "is_bf16_supported": lambda including_emulation=True: True,
        "empty_cache": lambda: None,
    }.items():
        monkeypatch.setattr(torch.cuda, name, answer)
