"""A checkpoint of PyTorch becomes a safetensors file, and nothing in it is run."""

import os

import pytest
import torch
from safetensors.torch import load_file

from tests.support import tiny
from tests.support.pictures import folder_of


class Hostile:
    def __init__(self, marker) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_checkpoint_of_sd35_is_read_like_its_safetensors_file(tmp_path, typed):
    (tmp_path / "own").mkdir()
    tensors = load_file(tiny.tiny_model(tmp_path / "own"))
    tied = torch.arange(12.0).reshape(3, 4)
    tensors |= {"a": tied[:2], "b": tied, "c": tied.T, "d": tied}  # which share their memory
    torch.save({"state_dict": tensors, "epoch": 3, "callbacks": {}}, tmp_path / "large.ckpt")
    said = typed("models", "convert", tmp_path / "large.ckpt")
    assert said.code == 0 and f"large.safetensors: {len(tensors):,} tensors" in said.out
    found = load_file(tmp_path / "large.safetensors")
    assert found.keys() == tensors.keys() and all(torch.equal(found[name], tensors[name]) for name in found)
    del found
    again = typed("models", "convert", tmp_path / "large.ckpt")
    assert again.code == 2 and "large.safetensors is there already" in again.err


def test_a_program_in_a_checkpoint_is_not_run(tmp_path, typed):
    torch.save({"state_dict": {"a": torch.zeros(2)}, "more": Hostile(tmp_path / "ran")}, tmp_path / "bad.ckpt")
    said = typed("models", "convert", tmp_path / "bad.ckpt")
    assert said.code == 2 and "a program that would run when it is opened. Prep does not open it" in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.ckpt"]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"<html>"])
def test_what_is_no_checkpoint_is_one_sentence(content, tmp_path, typed):
    path = tmp_path / "x.ckpt"
    if content is not None:
        path.write_bytes(content)
    said = typed("models", "convert", path)
    assert said.code == 2 and len(said.err.splitlines()) == 1


def test_a_generator_that_is_a_checkpoint_says_how_to_convert_it(tmp_path, typed):
    torch.save({"state_dict": {"a": torch.zeros(2)}}, tmp_path / "m.ckpt")
    art = folder_of(tmp_path / "art", mira=1)
    said = typed("run", art, "--out", tmp_path / "out", "--set", f"generator.model={tmp_path / 'm.ckpt'}")
    assert said.code == 2 and "m.ckpt is a PyTorch checkpoint" in said.err and "`prep models convert FILE`" in said.err
    assert not (tmp_path / "out").exists()


ODD = {
    "sparse": torch.eye(3).to_sparse(),
    "complex": torch.zeros(2, dtype=torch.complex128),
    "claims": torch.zeros(1).expand(2**36),
    "__metadata__": torch.zeros(1),
    "\ud800": torch.zeros(1),
}


@pytest.mark.parametrize("name", ODD)
def test_a_tensor_that_no_file_can_hold_is_one_sentence(name, tmp_path, typed):
    torch.save({"fine": torch.zeros(1), name: ODD[name]}, tmp_path / "x.ckpt")
    said = typed("models", "convert", tmp_path / "x.ckpt")
    assert said.code == 2 and len(said.err.splitlines()) == 1 and not (tmp_path / "x.safetensors").exists()
