"""The terminal: flags, bars, tables and exit codes."""
