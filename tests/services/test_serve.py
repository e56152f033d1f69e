import base64
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.serve.batching import ReadRequest
from im2latex_cli.services import serve
from im2latex_cli.settings.sections import (
    DecodeSettings,
    ModelSettings,
    RuntimeSettings,
    ServeSettings,
    Settings,
)
from im2latex_cli.vision.finish import encode_png

TOKENS = ["x", "y", "+", "2", "{", "}", "^", r"\frac", r"\alpha", "="]
DIMS = ModelSettings(
    encoder="residual",
    decoder="transformer",
    channels=(4, 8, 16),
    width=32,
    feedforward=32,
    decoder_layers=2,
)
SETTINGS = Settings(
    decode=DecodeSettings(beam=3, max_tokens=12),
    runtime=RuntimeSettings(device="cpu", threads=1),
    serve=ServeSettings(port=0),
)


@pytest.fixture(scope="module")
def model_file(untrained) -> Path:
    return untrained(DIMS, TOKENS)


@pytest.fixture(scope="module")
def answers(model_file: Path) -> serve.Answers:
    return serve.Answers(SETTINGS, str(model_file))


@pytest.fixture
def picture(drawn) -> bytes:
    return encode_png(drawn)


@pytest.fixture
def drawn():
    page = np.full((40, 120), 255, np.uint8)
    page[10:14, 10:30] = page[8:30, 50:54] = page[20:24, 70:110] = 0
    return page


def test_a_bad_picture_costs_only_itself(answers, picture):
    good, bad, empty, again = answers(
        [ReadRequest(picture), ReadRequest(b"no picture"), ReadRequest(b""), ReadRequest(picture)]
    )
    assert isinstance(bad, InputError)
    assert isinstance(empty, InputError)
    assert good["latex"] == again["latex"]


def test_only_bad_pictures(answers):
    (bad,) = answers([ReadRequest(b"no picture")])
    assert isinstance(bad, InputError)


def test_a_batch_without_memory_is_read_one_by_one(answers, picture, monkeypatch):
    read = Recognizer.read
    sizes = []

    def short(self, pictures):
        sizes.append(len(pictures))
        if len(pictures) > 1:
            raise InputError("no memory")
        return read(self, pictures)

    monkeypatch.setattr(Recognizer, "read", short)
    one, two = answers([ReadRequest(picture), ReadRequest(picture)])
    assert sizes == [2, 1, 1]
    assert one["latex"] == two["latex"]


def test_alternatives_are_as_many_as_asked_for(answers, picture):
    none, one, many = answers([ReadRequest(picture, alternatives=n) for n in (0, 1, 20)])
    assert [len(a["alternatives"]) for a in (none, one, many)] == [0, 1, 2]
    assert many["alternatives"][0] == one["alternatives"][0]


def test_drawings_come_where_asked_for(answers, picture):
    plain, drawn = answers([ReadRequest(picture), ReadRequest(picture, svg=True)])
    assert "svg" not in plain
    assert drawn["svg"] is None or drawn["svg"].startswith("<svg")


def test_attention_is_a_byte_for_each_cell_of_each_token(answers, picture):
    (answer,) = answers([ReadRequest(picture, attention=True)])
    looked = answer["attention"]
    assert looked["tokens"] == answer["tokens"].split()
    assert looked["picture"].startswith("data:image/png;base64,")
    cells = [base64.b64decode(weights) for weights in looked["weights"]]
    assert len(cells) == len(looked["tokens"])
    assert all(len(one) == looked["rows"] * looked["columns"] for one in cells)
    assert all(max(one) == 255 for one in cells)


def test_a_missing_extra_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as caught:
        serve.run(SETTINGS, SilentReporter())
    assert "pip install 'im2latex-cli[serve]'" in str(caught.value)


def test_the_executable_serves_until_interrupted(model_file, picture, tmp_path):
    command = [sys.executable, "-m", "im2latex_cli", "serve", "--port=0", "--json"]
    command += [f"--model={model_file}", "--device=cpu", "--threads=1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        url = ""
        while not url:
            line = process.stderr.readline()
            assert line, "it ended early"
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            url = found[0] if found else ""
        headers = {"Content-Type": "image/png"}
        asked = urllib.request.Request(f"{url}predict", data=picture, headers=headers)
        with urllib.request.urlopen(asked, timeout=30) as response:
            assert "latex" in json.load(response)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["result"] == {"address": url, "pictures": 1, "failed": 0}
    assert "Traceback" not in err
