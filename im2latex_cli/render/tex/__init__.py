"""Rendering with the LaTeX of this machine: typeset in a sandbox, read the DVI, paint it."""
