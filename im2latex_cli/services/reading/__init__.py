"""predict: pictures to LaTeX."""
