"""Rendering over many processes, or the workers of a Dask cluster."""
