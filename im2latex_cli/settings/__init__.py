"""Settings: their defaults, sources and documentation."""
