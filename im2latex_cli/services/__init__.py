"""The commands without their terminal: the order of steps, and the files."""
