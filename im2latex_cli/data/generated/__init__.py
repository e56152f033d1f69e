"""Formulas that are generated: the synthetic data set and grammars."""
