"""Overlap: a general tag gives way to a more exact one that ends in the same words (`shirt` to `white shirt`)."""

NEGATIONS = {"no", "without", "missing", "removed", "un"}


def overlapped(names: list[str]) -> set[str]:
    """Of underscored tag names, those that a longer one states more exactly. A negation (`no_shirt`) never counts."""
    endings: set[tuple[str, ...]] = set()
    for name in names:
        words = tuple(name.split("_"))
        if not NEGATIONS.intersection(words):
            endings.update(words[start:] for start in range(1, len(words)))
    return {name for name in names if tuple(name.split("_")) in endings}
