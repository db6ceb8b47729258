"""Hardware-aware neural architecture search for FPGA triggers."""

import os

# ONNX Runtime (1.29 and newer) reports to its maker what it is used for, unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
