"""KaTeX and MathJax themselves read what is written for them."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

MODULES = os.environ.get("IM2LATEX_NODE_MODULES", "")
CHECK = Path(__file__).parents[1] / "bench" / "check_katex.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (MODULES and shutil.which("node")),
        reason="needs node, and IM2LATEX_NODE_MODULES pointing at mathjax-full and katex",
    ),
]


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check_katex", CHECK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_word_of_the_normal_form_is_read(check):
    words = check.words()
    assert len(words) > 700
    found = check.failures(Path(MODULES), words)
    assert found["katex", "mathjax"] == {}
    assert found["katex", "katex"] == {}
    assert r"Undefined control sequence \slash" in found["compact", "mathjax"]
