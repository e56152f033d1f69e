"""The command line: options, progress bars, tables and exit codes."""
