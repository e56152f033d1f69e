"""Formulas out of documents: LaTeX, Markdown and notebooks."""
