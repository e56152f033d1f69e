"""`im2latex export --to-hub-folder`: what a hub gets, and that it reads from there."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import loopback
import numpy as np
import pytest

from im2latex_cli import load, text_scores
from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition import remote
from im2latex_cli.services import export
from im2latex_cli.settings.sections import PRESETS, DecodeSettings, ModelSettings, Settings

TOKENS = ["x", "y", "+", "2", "{", "}", "^", "="]
DIMS = ModelSettings.model_validate(PRESETS["small"]["model"])
PAIRS = [("x+y", "x+y"), ("x^2", "x^y"), ("y=2", "y=2"), ("x+2", "2")]
FILES = ["README.md", "config.json", "model.safetensors", "vocab.json"]


@pytest.fixture
def model(untrained, tmp_path: Path) -> Path:
    from im2latex_cli import checkpoints

    file = checkpoints.load(untrained(DIMS, TOKENS))
    start = {"model": "/home/me/old.safetensors", "sha256": "ab" * 32}
    file.info = {"data": "mine", "pictures": 12, "preset": "small", "init": start}
    path = tmp_path / "run" / "best.safetensors"
    checkpoints.save(path, file)
    return path


def predict(folder: Path, model: Path, data: str = "data/mine") -> Path:
    """Write what eval-text writes."""
    rows = [
        Prediction(
            id=str(number),
            image=f"{number}.png",
            reference=truth,
            reference_tokens=tuple(truth),
            hypotheses=(Hypothesis(read, tuple(read), -1.0, 0.5),),
        )
        for number, (truth, read) in enumerate(PAIRS)
    ]
    digest = sha256(model.read_bytes()).hexdigest()
    meta = {"model": str(model), "model_sha256": digest, "data": data, "split": "test"}
    predictions.write(folder, rows, meta)
    return folder


def exported(model: Path, folder: Path, reporter=None, **options) -> export.ExportResult:
    return export.run(
        Settings(), reporter or SilentReporter(), model=str(model), to_hub_folder=folder, **options
    )


def front_matter(card: str) -> dict[str, str]:
    head = card.split("---\n")[1]
    return dict(line.split(": ", 1) for line in head.splitlines())


def test_the_folder_has_what_a_hub_expects(model: Path, tmp_path: Path) -> None:
    predict(model.parent, model)
    result = exported(model, tmp_path / "hub")
    names = sorted(
        str(path.relative_to(tmp_path / "hub")) for path in (tmp_path / "hub").rglob("*.*")
    )
    assert names == sorted([*FILES, "onnx/decoder.onnx", "onnx/encoder.onnx"])
    assert result.hub == tmp_path / "hub"
    config = json.loads((tmp_path / "hub" / "config.json").read_text(encoding="utf-8"))
    assert config["dims"] == DIMS.model_dump(mode="json")
    vocab = json.loads((tmp_path / "hub" / "vocab.json").read_text(encoding="utf-8"))
    assert (len(vocab["tokens"]), set(TOKENS) <= set(vocab["tokens"])) == (config["tokens"], True)


def test_the_card_has_the_scores(model: Path, tmp_path: Path) -> None:
    folders = [predict(tmp_path / name, model, f"{name}.tar") for name in ("one", "two")]
    exported(model, tmp_path / "hub", scores=folders)
    card = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    scores = text_scores(*zip(*PAIRS, strict=True))
    (index,) = json.loads(front_matter(card)["model-index"])
    assert [entry["dataset"]["name"] for entry in index["results"]] == ["one", "two"]
    for entry in index["results"]:
        values = {metric["type"]: metric["value"] for metric in entry["metrics"]}
        assert values == {
            "bleu": round(scores.bleu4, 1),
            "edit_similarity": round(scores.edit_similarity, 1),
            "exact_match": 50.0,
        }
    row = next(line for line in card.splitlines() if line.startswith("| one.tar, split test | 4 |"))
    assert re.search(r"\| 50\.0 \(\d+\.\d-\d+\.\d\) \|$", row)
    assert f"#sha256={sha256(model.read_bytes()).hexdigest()}'" in card
    assert "begun with: old.safetensors (SHA-256 abab" in card
    assert "/home/me" not in card


def test_without_scores_the_card_says_so(model: Path, tmp_path: Path) -> None:
    reporter = SilentReporter()
    exported(model, tmp_path / "hub", reporter)
    card = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    assert "Not measured." in card
    assert "model-index" not in front_matter(card)
    assert "no scores" in reporter.warnings[0]


def test_scores_of_another_model_are_refused(model: Path, tmp_path: Path, untrained) -> None:
    other = predict(tmp_path / "other", untrained(DIMS, [*TOKENS, "z"]))
    with pytest.raises(UsageError, match="no predictions of this model"):
        exported(model, tmp_path / "hub", scores=[other])
    with pytest.raises(InputError, match="no predictions at"):
        exported(model, tmp_path / "hub", scores=[tmp_path / "nowhere"])
    assert not (tmp_path / "hub").exists()


def test_an_edited_card_is_kept(model: Path, tmp_path: Path) -> None:
    exported(model, tmp_path / "hub")
    exported(model, tmp_path / "hub")  # the same again changes nothing
    card = tmp_path / "hub" / "README.md"
    card.write_text("edited", encoding="utf-8")
    with pytest.raises(UsageError, match=r"has other files already: README\.md"):
        exported(model, tmp_path / "hub")
    assert card.read_text(encoding="utf-8") == "edited"
    exported(model, tmp_path / "hub", force=True)
    assert card.read_text(encoding="utf-8") != "edited"


def test_options_that_exclude_each_other(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        exported(model, tmp_path / "hub", output=tmp_path / "out")
    with pytest.raises(UsageError, match="are for a model card"):
        export.run(Settings(), SilentReporter(), model=str(model), scores=[tmp_path])


def test_it_reads_from_the_folder_and_from_the_hub(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "hub")
    page = np.where(np.random.default_rng(1).random((40, 90)) < 0.05, 0, 255).astype(np.uint8)
    options = {"device": "cpu", "decode": DecodeSettings(max_tokens=9)}
    expected = load(model, **options)(page)
    assert load(tmp_path / "hub", **options)(page) == expected
    assert load(tmp_path / "hub" / "onnx", **options)(page).tokens == expected.tokens
    content = (tmp_path / "hub" / "model.safetensors").read_bytes()
    with loopback.serving(loopback.Zenodo({"model.safetensors": content})) as server:
        monkeypatch.setattr(remote, "HUB", server.base)
        digest = sha256(content).hexdigest()
        assert load(f"hf://we/mine#sha256={digest}", **options)(page) == expected
    assert server.asked == [("model.safetensors", None)]
