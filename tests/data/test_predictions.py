import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.errors import InputError

TOKENS = st.lists(
    st.sampled_from(["x", "^", "{", "}", r"\frac", r"\begin{matrix}", "&"]), max_size=6
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCORE = st.floats(-1e6, 0)
HYPOTHESES = st.builds(
    Hypothesis, latex=TEXT, tokens=TOKENS.map(tuple), score=SCORE, confidence=st.floats(0, 1)
)
PREDICTIONS = st.builds(
    Prediction,
    id=TEXT,
    image=TEXT,
    reference=TEXT,
    reference_tokens=TOKENS.map(tuple),
    hypotheses=st.lists(HYPOTHESES, max_size=3).map(tuple),
    error=st.none() | TEXT,
    source=TEXT,
)


@given(PREDICTIONS)
def test_a_line_holds_a_whole_prediction(prediction: Prediction) -> None:
    line = json.dumps(prediction.to_json())
    assert Prediction.from_json(json.loads(line)) == prediction


def test_folder_is_written_and_read(tmp_path: Path) -> None:
    best = Hypothesis("x^{2}", ("x", "^", "{", "2", "}"), -0.5, 0.6)
    made = [Prediction("test/000000", "a.png", "x^2", best.tokens, (best,))]
    predictions.write(tmp_path, made, {"model": "small", "beam": 5})
    assert predictions.read(tmp_path) == made
    assert predictions.read(tmp_path / "predictions.jsonl") == made
    assert predictions.read_meta(tmp_path) == {"model": "small", "beam": 5}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "predictions.jsonl",
        "predictions.meta.json",
    ]


def test_lines_have_the_documented_keys() -> None:
    row = Prediction("i", "a.png", "x", ("x",), (Hypothesis("x", ("x",), -1.0, 0.4),)).to_json()
    assert row == {
        "id": "i",
        "image": "a.png",
        "reference": "x",
        "reference_tokens": "x",
        "hypotheses": [{"latex": "x", "tokens": "x", "score": -1.0, "confidence": 0.4}],
    }


def test_reads_what_predict_writes(tmp_path: Path) -> None:
    rows = [
        {
            "path": "a.png",
            "latex": "x^{2}",
            "confidence": 0.9,
            "score": -0.1,
            "alternatives": [{"latex": "x_{2}", "confidence": 0.1, "score": -2.5}],
            "model": "pretrained",
        },
        {"path": "b.png", "error": {"code": "input", "message": "b.png: no picture."}},
    ]
    path = tmp_path / "read.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    good, bad = predictions.read(path)
    assert good.id == good.image == "a.png"
    assert [one.latex for one in good.hypotheses] == ["x^{2}", "x_{2}"]
    assert good.hypotheses[0].tokens == ("x", "^", "{", "2", "}")
    assert good.hypotheses[1].score == -2.5
    assert good.reference == ""
    assert (bad.hypotheses, bad.error, bad.error_code) == ((), "b.png: no picture.", "input")
    assert predictions.read_meta(path) == {}


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "nothing",
        '{"path": "a.png"}',
        '{"id": "i", "image": "a", "hypotheses": [{"tokens": "x"}]}',
        '{"id": "i", "image": "a", "hypotheses": 3}',
        '{"id": "i", "image": "a", "hypotheses": [{"latex": "x", "score": "low"}]}',
    ],
)
def test_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"path": "a.png", "latex": "x"}\n' + line + "\n")
    with pytest.raises(InputError, match=r"predictions\.jsonl, line 2"):
        predictions.read(tmp_path)


def test_nothing_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eval-text"):
        predictions.read(tmp_path)
    (tmp_path / "predictions.jsonl").touch()
    with pytest.raises(InputError, match="empty"):
        predictions.read(tmp_path)
