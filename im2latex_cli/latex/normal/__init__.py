"""Rewriting LaTeX into the normal form."""
