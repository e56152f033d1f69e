"""LaTeX beyond the normal form: packages, Unicode, im2markup's form, KaTeX."""
