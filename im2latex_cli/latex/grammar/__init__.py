"""The grammar of the normal form, for checking and for the search."""
