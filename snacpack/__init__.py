"""Hardware-aware neural architecture search for FPGA triggers."""
