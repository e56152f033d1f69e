"""The network and the search; tensors only."""
