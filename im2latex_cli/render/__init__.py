"""Renderers: from formulas to pages of ink, with TeX or without."""
