"""Links from the documentation to files outside of docs/ lead to the repository on the site."""

import re
from typing import Any

OUTSIDE = re.compile(r"\]\((?:\.\./)+((?:[A-Z]+(?:\.md)?|\.github/|tests/|im2latex_cli/)[^)]*)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Rewrite `](../../CONTRIBUTING.md)` and the like."""
    del page, files
    return OUTSIDE.sub(rf"]({config.repo_url}/blob/main/\1)", markdown)
