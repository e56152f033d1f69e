"""The local page and its HTTP interface. Knows no picture and no model: it is given a reader."""
