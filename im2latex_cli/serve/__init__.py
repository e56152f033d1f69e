"""The HTTP server and its page; the function that reads pictures is passed in."""
