"""The HTML page: complete, self-contained, escaped, and drawn by a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.report.evaluation import (
    ADDED,
    BOTH,
    LOST,
    Case,
    Figure,
    Plot,
    Report,
    ScoreBar,
    html,
    overlay,
    png,
)
from im2latex_cli.report.page import Table
from im2latex_cli.results import Score

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
INK = np.zeros((20, 30), np.uint8)

PAGE = Report(
    title="A <title>",
    facts={"model": "a & b"},
    figures=(Figure("exact match", Score(42.125, 40.0, 45.5)), Figure("no interval", Score(7.0))),
    plots=(Plot("By length", (ScoreBar("0-10", 90.0, 1234),)),),
    tables=(Table("Confusions", ("from", "to"), (("<", "&"),)),),
    cases=(
        Case(
            kind="worst",
            id="test/1",
            verdict="edit similarity 12.5 %",
            pictures={"picture": png(INK)},
            tokens={"reference": [("x", "same"), ("<", "lost")], "prediction": [("y", "added")]},
            remark="It does not render.",
        ),
    ),
)


class Checker(HTMLParser):
    """Collects what is open, and every address that the page names."""

    void = frozenset({"meta", "img", "rect", "path", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, _tag, attrs):
        self.addresses += [value for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_tag_is_closed_and_nothing_is_loaded_from_elsewhere():
    checker = Checker()
    checker.feed(html(PAGE))
    assert checker.open == []
    assert checker.addresses
    assert all(address.startswith("data:image/png;base64,") for address in checker.addresses)
    assert "url(" not in html(PAGE)
    assert "<script" not in html(PAGE)


def test_everything_is_on_the_page_and_escaped():
    text = html(PAGE)
    for wanted in ("42.12", "40.00 to 45.50", "1,234", "a &amp; b", "A &lt;title&gt;", "&lt;</td>"):
        assert wanted in text
    assert '<span class="lost">&lt;</span>' in text
    assert "It does not render." in text


def test_a_page_without_cases_has_no_gallery():
    assert "Gallery" not in html(Report("t", {}, ()))


def test_overlay_colours_what_is_common_lost_and_added():
    left, right = np.full((2, 3), 255, np.uint8), np.full((4, 4), 255, np.uint8)
    left[0, 0] = left[0, 2] = 0
    right[0, 0] = right[3, 1] = right[1, 3] = 0
    blocks = [
        (True, slice(0, 1), slice(0, 1)),
        (False, slice(1, 1), slice(1, 2)),
        (True, slice(1, 2), slice(2, 3)),
        (False, slice(2, 3), slice(3, 4)),
    ]
    drawn = overlay(left, right, blocks)
    assert drawn.shape == (4, 4, 3)
    assert tuple(drawn[0, 0]) == BOTH
    assert tuple(drawn[3, 1]) == ADDED
    assert tuple(drawn[0, 3]) == LOST
    assert tuple(drawn[1, 3]) == ADDED
    assert (drawn == 255).all(axis=2).sum() == 16 - 4


def test_overlay_of_nothing():
    assert overlay(INK[:, :0], INK[:, :0], []).shape == (20, 1, 3)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_draws_it_without_complaint(tmp_path):
    page, shot = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(html(PAGE), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=420,1400"]
    done = subprocess.run(
        [
            str(CHROMIUM),
            *options,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            f"--screenshot={shot}",
            page.as_uri(),
        ],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert not re.findall(r".*CONSOLE.*", done.stderr)
    drawn = np.asarray(Image.open(shot).convert("RGB"))
    colours = {tuple(colour) for colour in drawn.reshape(-1, 3)[::7].tolist()}
    assert len(colours) > 20
    assert (0, 0, 0) in {tuple(colour) for colour in drawn.reshape(-1, 3).tolist()}  # the picture
