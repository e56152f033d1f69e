"""The data of a training: packed splits, batches, augmentation and glyph targets."""
