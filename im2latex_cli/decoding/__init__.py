"""From probabilities to formulas: beam search, the grammar it obeys, calibrated confidence.

Needs no torch; `torch_ops` is loaded only for tensors.
"""
