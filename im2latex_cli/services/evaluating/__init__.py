"""eval-text, eval-image and compare: scores and their reports."""
