"""The training loop, its batches, state, losses and logs."""
