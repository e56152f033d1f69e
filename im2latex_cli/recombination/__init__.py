"""New formulas made of pieces of real ones."""
