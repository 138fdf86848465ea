"""The modes in which networks run, and the ways of doing their arithmetic: names alone."""

REFERENCE, EXACT, FAST, TURBO = MODES = ("reference", "exact", "fast", "turbo")
#: How the arithmetic is done: runtime and precision. The names are kept in files.
TORCH_F32 = "torch-f32"
TORCH_BF16_TRANSFORMER = "torch-bf16-transformer"
TORCH_BF16 = "torch-bf16"
OPENVINO_F32 = "openvino-f32"
OPENVINO_BF16 = "openvino-bf16"
OPENVINO_INT8 = "openvino-int8"
WAYS = (
    TORCH_F32,
    TORCH_BF16_TRANSFORMER,
    TORCH_BF16,
    OPENVINO_F32,
    OPENVINO_BF16,
    OPENVINO_INT8,
)
