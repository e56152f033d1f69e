"""Scores of formulas and of pages, as the field defines them."""
