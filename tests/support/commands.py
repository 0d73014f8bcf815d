"""`prep ...` in this process, as it is typed."""

import sys
from typing import NamedTuple

import pytest

from prep.cli import main


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def typed(monkeypatch, capsys):
    """typed("status", out) -> its exit code and what it said."""

    def typed(*arguments) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["prep", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return Said(left.value.code, *capsys.readouterr())

    return typed
