"""One module per command, each telling that command's story."""
