import functools
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from page_jobs import complain, die_of, identity, shape

from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.workers import pool
from im2latex_cli.render.workers.pool import render_all
from im2latex_cli.settings.sections import RenderSettings

pytestmark = pytest.mark.tex
SETTINGS = RenderSettings(renderer="tex")


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(pool, "CHUNK", 8)
    monkeypatch.setattr(pool, "_AT_HOME", 4)


def test_few_formulas_are_done_here():
    assert list(render_all(SETTINGS, ["x", "y"], jobs=2, finish=identity)) == [os.getpid()] * 2
    assert list(render_all(SETTINGS, [], jobs=2)) == []


def test_pages_come_unfinished_without_finish():
    (page,) = render_all(SETTINGS, ["x"], jobs=1)
    assert isinstance(page, Page)
    assert np.array_equal(page.ink, next(iter(render_all(SETTINGS, ["x"], jobs=1))).ink)


def test_tokens_name_their_glyphs():
    (page,) = render_all(SETTINGS, [("x", "^", "{", "2", "}")], jobs=1)
    assert [glyph.token for glyph in page.glyphs] == [0, 3]


def test_many_formulas_come_back_in_order_with_failures_in_place(small_chunks):
    formulas = [r"\nosuch" if n % 7 == 3 else "x" * (n % 20 + 1) for n in range(40)]
    here = list(render_all(SETTINGS, formulas, jobs=1, finish=shape))
    there = list(render_all(SETTINGS, iter(formulas), jobs=2, finish=shape))
    assert there == here
    assert [isinstance(r, RenderFailure) for r in there] == [n % 7 == 3 for n in range(40)]


def test_a_worker_that_dies_takes_only_its_culprit(small_chunks):
    formulas = ["x" * (n + 1) for n in range(11)]
    widths = [size[1] for size in render_all(SETTINGS, formulas, jobs=1, finish=shape)]
    finish = functools.partial(die_of, widths[9])
    results = list(render_all(SETTINGS, formulas, jobs=2, finish=finish))
    failed = [n for n, result in enumerate(results) if isinstance(result, RenderFailure)]
    assert failed == [9]
    assert results[9].reason == "crash"
    assert "-9" in results[9].message


def test_what_finish_raises_reaches_the_caller(small_chunks):
    with pytest.raises(TimeoutError, match="the worker's own"):
        list(render_all(SETTINGS, ["x"] * 10, jobs=2, finish=complain))


def test_only_a_few_chunks_are_read_ahead(small_chunks):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield "x"

    results = render_all(SETTINGS, endless(), jobs=1, finish=shape)
    for _ in range(20):
        next(results)
    assert taken <= 40
    results.close()


@pytest.fixture
def heard():
    """Ctrl-C is heard even where a shell began the tests in the background, deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_workers(small_chunks, heard):
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    formulas = (r"\def\x{\x}\x" for _ in range(1000))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(render_all(SETTINGS, formulas, jobs=2, finish=shape))
    assert time.monotonic() - start < 8
    assert multiprocessing.active_children() == []
