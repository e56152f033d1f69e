"""The data set: where formulas come from, how they split, and the folder that holds them."""
