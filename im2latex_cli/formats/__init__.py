"""What a formula becomes outside of LaTeX: Typst, MathML, Office MathML."""
