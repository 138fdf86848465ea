"""Linear layers in whole numbers of 8 bits, the rest of a converted network in 32.

Which numbers a layer meets is measured once, on music, when the network is converted; its weights
are rounded when it is loaded. Convolutions stay as they are: rounded, they brought 9 dB instead of
54 and no time. OpenVINO is handed in, so that it is imported in one place only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from karaoke_studio.separation.engine import FloatArray

#: Name of a layer → lowest and highest number that it meets.
Ranges = Mapping[str, tuple[float, float]]

#: Steps of what goes through a layer, and of its weights, which are as many below zero as above.
_STEPS, _WEIGHT_STEPS = 256, 255
_SMALLEST = 1e-8
#: What may stand between a layer and its weights.
_WRAPPINGS = {"Convert", "Reshape", "Transpose"}


def measure_ranges(openvino: Any, model: Any, inputs: Sequence[FloatArray]) -> dict[str, Any]:
    """Run a network once, and return what its linear layers meet.

    Args:
        openvino: the runtime.
        model: a read network; it is changed, and of no further use.
        inputs: of the network, of music.

    Returns:
        `Ranges`, as plain values.
    """
    ops = openvino.opset13
    layers = _linear_layers(model)
    known = len(model.outputs)
    for layer in layers:
        values = layer.input_value(0)
        axes = ops.constant(np.arange(len(values.get_partial_shape()), dtype=np.int64))
        lowest, highest = ops.reduce_min(values, axes), ops.reduce_max(values, axes)
        model.add_results([ops.result(lowest), ops.result(highest)])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    request.infer(list(inputs))
    ends = [
        float(request.get_output_tensor(number).data)
        for number in range(known, known + 2 * len(layers))
    ]
    names = [layer.get_friendly_name() for layer in layers]
    return {
        name: [min(low, 0.0), max(high, 0.0)]
        for name, low, high in zip(names, ends[::2], ends[1::2], strict=True)
        if high - low > _SMALLEST
    }


def round_linear_layers(openvino: Any, model: Any, ranges: Ranges) -> None:
    """Let the linear layers of a read network count in 8 bits, by ranges measured before."""
    ops = openvino.opset13
    for layer in _linear_layers(model):
        if layer.get_friendly_name() not in ranges:
            continue
        ends = [ops.constant(np.float32(end)) for end in ranges[layer.get_friendly_name()]]
        rounded = ops.fake_quantize(layer.input_value(0), *ends, *ends, _STEPS)
        layer.input(0).replace_source_output(rounded.output(0))
        weight = layer.input_value(1)
        limit = _limits(openvino, weight, layer)
        ends = [ops.constant(-limit), ops.constant(limit)]
        rounded = ops.fake_quantize(weight, *ends, *ends, _WEIGHT_STEPS)
        layer.input(1).replace_source_output(rounded.output(0))
    model.validate_nodes_and_infer_types()


def _linear_layers(model: Any) -> list[Any]:
    """Return the products with weights, not those of attention, which meet no weights."""
    layers = []
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul":
            source = node.input_value(1).get_node()
            while source.get_type_name() in _WRAPPINGS:
                source = source.input_value(0).get_node()
            if source.get_type_name() == "Constant":
                layers.append(node)
    return layers


def _limits(openvino: Any, weight: Any, layer: Any) -> FloatArray:
    """Return the largest weight of each row of a layer, to be spread over its weights."""
    ops = openvino.opset13
    alone = openvino.Model([ops.result(weight)], [], "weights")
    values = openvino.Core().compile_model(alone, "CPU")([])[0]
    # the axis along which the products are added up
    summed = -1 if layer.get_attributes().get("transpose_b", False) else -2
    found: FloatArray = np.abs(values).max(axis=summed, keepdims=True)
    return np.maximum(found, _SMALLEST).astype(np.float32)
