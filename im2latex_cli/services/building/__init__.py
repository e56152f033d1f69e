"""build: formulas to pictures."""
