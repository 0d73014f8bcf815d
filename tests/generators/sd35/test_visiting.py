"""Weights that go somewhere else for a while are at home again as they were."""

import contextlib

import pytest
import torch
from torch import nn

from prep.generators.sd35.visiting import Visitor
from prep.tensors.fp8 import Fp8Linear

CPU = torch.device("cpu")


@pytest.mark.parametrize("inference", [False, True])
def test_a_weight_that_was_in_another_dtype_is_home_unchanged(inference):
    eight = Fp8Linear(torch.randn(4, 3).to(torch.float8_e4m3fn), torch.ones(1, 1), None)
    module = nn.Sequential(nn.Linear(3, 3), eight, nn.BatchNorm1d(4)).requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    visitor = Visitor(module)
    with torch.inference_mode() if inference else contextlib.nullcontext():
        visitor.go(CPU, torch.bfloat16)
        assert module[0].weight.dtype == torch.bfloat16
        visitor.leave()
        after = module.state_dict()
        assert all(after[name].dtype == before[name].dtype for name in before)
        assert all(torch.equal(after[name].float(), before[name].float()) for name in before)
    assert not torch.__future__.get_overwrite_module_params_on_conversion()
