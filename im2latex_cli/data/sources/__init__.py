"""Where formulas come from: tables, folders, lists of im2latex-100k."""
