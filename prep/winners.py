"""Of rows with the same subject and recipe, the last."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.blocks import BATCH
from prep.index import values


def winners(tables: list[pa.Table], recipe: str | None = None, *, joined: bool = False) -> pa.Table:
    """The last row for each subject and recipe; with a recipe, of its rows. The list is empty afterwards: what becomes
    of a column takes its place, so that of one column at a time there are two copies in memory.

    joined: each column in one piece.
    """
    table = pa.concat_tables(tables, promote_options="default")
    tables.clear()
    schema, columns = table.schema, dict(zip(table.column_names, table.columns, strict=True))
    if recipe is not None:
        own = pc.equal(table["recipe"], pa.scalar(recipe))
        del table
        _keep(columns, own, joined)
        table = pa.table(columns, schema)
    wins = _wins(table)
    del table
    _keep(columns, wins, joined)
    return pa.table(columns, schema)


def _keep(columns: dict[str, pa.ChunkedArray], which: pa.Array | pa.ChunkedArray, joined: bool) -> None:
    """Filter each column."""
    every = pc.all(which, skip_nulls=False, min_count=0).as_py()
    for name in columns if joined or not every else ():
        column = pa.table({name: columns[name]})
        column = column if every else column.filter(which)
        columns[name] = (column.combine_chunks() if joined else column)[name]


def _wins(table: pa.Table) -> pa.Array:
    """bool [N]: whether it is the last row of its subject and recipe."""
    wins = np.ones(len(table), bool)
    if len(table) < 2:
        return pa.array(wins)
    # Not group_by: it would load Arrow's query engine, about 20 MB that stay.
    recipe = table["recipe"]
    one = not recipe.null_count and pc.all(pc.equal(recipe, recipe[0])).as_py()  # of most shelves
    keys = chain.from_iterable(map(values, table["subject"].chunks)) if one else _keys(table)
    hashes = np.fromiter(map(hash, keys), np.int64, len(table))
    order = hashes.argsort(kind="stable")
    again = (hashes[order[1:]] == hashes[order[:-1]]).nonzero()[0]
    earlier, later = (table.select(["subject", "recipe"]).take(order[at]) for at in (again, again + 1))
    if earlier.equals(later):
        wins[order[again]] = False
    else:  # two keys have the same hash
        wins[:] = False
        wins[[*{key: at for at, key in enumerate(_keys(table))}.values()]] = True
    return pa.array(wins)


def _keys(table: pa.Table) -> Iterator[tuple[str, str]]:
    """(subject, recipe) of each row, of which few are Python objects at a time."""
    for batch in table.select(["subject", "recipe"]).to_batches(BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
