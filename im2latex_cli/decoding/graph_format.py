"""What an exported graph says of itself; written by `export`, read where onnxruntime takes it."""

from __future__ import annotations

PREFIX = "network."
"""Of the names of tensors in a graph: the attribute of the modules that were traced."""
NEEDS = "im2latex.weights"
"""Key of the graph's metadata: JSON, names of the tensors of the model file that it needs."""
STRIDE = "im2latex.stride"
"""Key of the graph's metadata: JSON, height and width of a memory cell in pixels."""
