"""Reading pictures without torch: exported graphs, weights from the model file, onnxruntime."""
