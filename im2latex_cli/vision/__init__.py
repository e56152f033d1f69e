"""Pictures as pixels: opening, finishing, preparing and distorting them."""
