"""Formulas as text: tokens, normal form, grammar, vocabulary."""
