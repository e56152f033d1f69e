"""Every setting, where it may come from, and what it means."""
