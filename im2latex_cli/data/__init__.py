"""Data sets: sources, splits, the folder on disk, prediction files."""
