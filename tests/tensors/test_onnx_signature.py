"""What a network takes and gives, as onnxruntime reads it, from any file; a damaged one is a sentence."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from prep.errors import WeightsError
from prep.tensors.onnx_signature import signature
from tests.support.onnx_files import tiny_onnx
from tests.support.onnx_taggers import make_pixai, make_wd
from tests.support.witness_files import tiny_ccip, tiny_corrupted


@pytest.mark.parametrize("make", [make_wd, make_pixai, tiny_onnx, tiny_ccip, tiny_corrupted])
def test_it_is_what_onnxruntime_says(tmp_path, make):
    path = make(tmp_path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for found, expected in zip(signature(path), (session.get_inputs(), session.get_outputs()), strict=True):
        assert [(each.name, list(each.shape)) for each in found] == [(each.name, each.shape) for each in expected]
        assert all(each.kind == 1 for each in found)


def test_weights_that_old_files_list_as_inputs_are_none(tmp_path):
    path = make_wd(tmp_path)
    model = onnx.load(path)
    for weights in model.graph.initializer:
        array = numpy_helper.to_array(weights)
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(array.dtype))
        model.graph.input.append(onnx.helper.make_tensor_value_info(weights.name, kind, array.shape))
    onnx.save(model, path)
    assert [each.name for each in signature(path)[0]] == ["input"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_one_sentence(tmp_path, share):
    path = make_wd(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WeightsError, match=r"model.onnx is damaged or cut off"):
        signature(path)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=120), at=st.integers(0, 400))
def test_no_bytes_give_a_traceback(tmp_path_factory, data, at):
    path = make_wd(tmp_path_factory.mktemp("onnx"))
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    try:
        signature(path)
    except WeightsError as error:
        assert error.message.startswith("model.onnx is damaged")
