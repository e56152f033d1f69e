"""HTML reports and pictures of results."""
