"""The network: torch modules from pictures to token probabilities, and its ONNX export."""
