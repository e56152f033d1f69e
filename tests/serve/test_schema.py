"""Schemathesis tries the server against its own description."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from im2latex_cli.serve.app import Server
from im2latex_cli.services.serve import Answers, open_document
from im2latex_cli.settings.sections import DecodeSettings, RuntimeSettings, ServeSettings, Settings

REASON = "schemathesis is not installed"
HOOKS = Path(__file__).with_name("schema_pictures.py")
EXAMPLES = 300


@pytest.mark.slow
def test_schemathesis_finds_nothing(serving, model_file, tmp_path):
    pytest.importorskip("schemathesis.openapi", reason=REASON)
    settings = Settings(
        decode=DecodeSettings(beam=3, max_tokens=12),
        runtime=RuntimeSettings(device="cpu", threads=1),
    )
    app = Server(
        Answers(settings, str(model_file)), open_document, ServeSettings(), model="tiny"
    ).app()
    with serving(app) as url:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}openapi.json"),
                *("--checks=all", f"--max-examples={EXAMPLES}", "--seed=1", "--no-color"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(HOOKS.parent), "SCHEMATHESIS_HOOKS": HOOKS.stem},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No issues found" in run.stdout
    assert "9 selected / 9 total" in run.stdout
