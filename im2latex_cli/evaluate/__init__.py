"""Scores, exact where the field has a definition."""
