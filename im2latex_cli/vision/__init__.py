"""Pictures as pixels: opening, finishing, preparing, distorting."""
