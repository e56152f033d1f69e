"""Data sets: sources of formulas, splits, and the folder on disk."""
