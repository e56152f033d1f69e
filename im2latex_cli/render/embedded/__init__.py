"""Rendering without TeX: mathra lays formulas out, resvg draws their glyphs."""
