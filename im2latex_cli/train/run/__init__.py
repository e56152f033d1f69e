"""One training from its beginning to its end: folder, state, time budget and resuming."""
