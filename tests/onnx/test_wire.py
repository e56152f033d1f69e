from __future__ import annotations

import contextlib

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from im2latex_cli.onnx import graphs


def graph() -> bytes:
    made = helper.make_graph(
        [helper.make_node("Identity", ["weight"], ["out"])],
        "identity",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(made)
    helper.set_model_props(model, {"first": "1"})
    return model.SerializeToString()


values = arrays.arrays(
    st.sampled_from([np.float16, np.float32, np.int64]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
    elements={"min_value": 0, "max_value": 1000},
)


@given(st.dictionaries(st.text(min_size=1, max_size=200), values, max_size=3))
def test_onnx_reads_the_weights_as_they_were(weights) -> None:
    model = onnx.load_from_string(graphs.insert_weights(graph(), weights))
    found = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    assert found.keys() == weights.keys()
    for name, value in weights.items():
        assert found[name].shape == value.shape
        assert found[name].dtype == (np.int64 if value.dtype.kind == "i" else np.float32)
        assert np.array_equal(found[name], value.astype(found[name].dtype))
    assert [node.op_type for node in model.graph.node] == ["Identity"]


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=300), max_size=4))
def test_metadata_reads_back_here_and_in_onnx(entries) -> None:
    changed = graphs.insert_metadata(graph(), entries)
    expected = {"first": "1", **entries}
    assert graphs.read_metadata(changed) == expected
    model = onnx.load_from_string(changed)
    assert {one.key: one.value for one in model.metadata_props} == expected


@given(st.binary(max_size=60))
def test_other_bytes_are_no_crash(content) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(graphs.read_metadata(content), dict)


def test_a_cut_file_is_told() -> None:
    with pytest.raises(ValueError, match="past the end"):
        graphs.read_metadata(graphs.insert_metadata(b"", {"key": "value"})[:-1])
