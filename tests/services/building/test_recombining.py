"""A build that adds made formulas, painted as boxes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stub_build as stub
from PIL import Image

from im2latex_cli.data import store
from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.errors import Interrupted, UsageError
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recombination.maker import VERSION
from im2latex_cli.services.building import build, pictures
from im2latex_cli.settings.sections import Settings

pytestmark = pytest.mark.usefixtures("boxes")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "formulas.tsv"
    lines = [f"{number}\tbook\t{synthetic_formula(2, number)}" for number in range(300)]
    path.write_text("\n".join(["author\tsource\tlatex", *lines]) + "\n", encoding="utf-8")
    return path


def asked(table: Path, root: Path, **more: Any) -> Settings:
    shape = {"column": "latex", "recombine": 60, **more}
    tree: Settings = stub.settings(table, root, **shape)
    return tree


def run(tree: Settings, *, force: bool = False) -> build.BuildResult:
    return build.run(tree, SilentReporter(), force=force)


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def is_made(record: store.Record) -> bool:
    return record.image.name.startswith("made-")


def test_made_formulas_go_to_train_under_names_of_their_own(table: Path, tmp_path: Path) -> None:
    plain = run(asked(table, tmp_path / "plain", recombine=0))
    result = run(asked(table, tmp_path / "more"))
    assert (plain.recombined, result.recombined) == (None, 60)
    assert result.counts["train"] == plain.counts["train"] + 60
    assert {**result.counts, "train": 0} == {**plain.counts, "train": 0}
    train = store.read(tmp_path / "more", "train")
    made = [record for record in train if is_made(record)]
    assert [record.id for record in made] == [f"train/made-{n:06d}" for n in range(60)]
    assert {record.source for record in made} == {"recombined"}
    assert {record.source for record in train if not is_made(record)} == {"book"}
    assert all(normalize(record.formula).tokens == record.tokens for record in made)
    before, after = contents(tmp_path / "plain"), contents(tmp_path / "more")
    kept = [name for name in before if name.startswith(("val", "test")) or name.endswith(".png")]
    assert all(before[name] == after[name] for name in kept)


def test_no_made_formula_is_like_one_of_val_or_test(table: Path, tmp_path: Path) -> None:
    run(asked(table, tmp_path / "set", recombine=400))
    sets = {split: store.read(tmp_path / "set", split) for split in ("train", "val", "test")}

    def bare(records: list[store.Record]) -> set[tuple[str, ...]]:
        return {normalize(record.formula, spacing="drop").tokens for record in records}

    made = bare([record for record in sets["train"] if is_made(record)])
    assert len(made) > 350
    assert not made & bare(sets["val"] + sets["test"])


def test_rare_tokens_are_filled_up(table: Path, tmp_path: Path) -> None:
    result = run(asked(table, tmp_path / "set", recombine=0, min_examples=6))
    assert result.recombined
    real: dict[str, int] = {}
    total: dict[str, int] = {}
    for record in store.read(tmp_path / "set", "train"):
        for token in set(record.tokens):
            total[token] = total.get(token, 0) + 1
            real[token] = real.get(token, 0) + (not is_made(record))
    assert all(total[token] >= 6 for token, count in real.items() if count >= 2)


def test_the_manifest_says_what_was_made(table: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    run(asked(table, root))
    kept = store.load_manifest(root)
    assert kept is not None
    assert kept.settings["build.recombine"] == 60
    assert kept.settings["build.longer"] == 1.0
    assert kept.settings["recombination"] == VERSION
    assert kept.settings["runtime.seed"] == 0
    assert kept.counts["recombined"] == 60
    assert not run(asked(table, root)).built
    with pytest.raises(UsageError, match=r"build.recombine was 60, now 61"):
        run(asked(table, root, recombine=61))
    with pytest.raises(UsageError, match=r"build.recombine was 60, now 0"):
        run(asked(table, root, recombine=0))


def test_a_build_without_them_has_no_trace_of_them(table: Path, tmp_path: Path) -> None:
    run(asked(table, tmp_path / "set", recombine=0))
    assert "recombin" not in (tmp_path / "set/manifest.json").read_text()
    with pytest.raises(UsageError, match=r"build.recombine was 0, now 60"):
        run(asked(table, tmp_path / "set"))


def test_interrupted_it_goes_on_to_the_same_set(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(asked(table, tmp_path / "whole"))
    whole = run(asked(table, tmp_path / "whole"))

    def stopped(*args: Any, **options: Any) -> Any:
        for number, made in enumerate(stub.render_all(*args, **options)):
            if number == 310:  # among the made ones
                raise KeyboardInterrupt
            yield made

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "render_all", stopped)
        with pytest.raises(Interrupted):
            run(asked(table, tmp_path / "broken"))
    rest = run(asked(table, tmp_path / "broken"))
    assert rest.recombined == whole.recombined
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_a_made_formula_that_fails_is_a_row(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(settings: Any, formulas: Any, **options: Any) -> Any:
        texts = list(formulas)
        return stub.render_all(settings, [*texts[:-1], "fail"], **options)

    monkeypatch.setattr(pictures, "render_all", failing)
    result = run(asked(table, tmp_path / "set"))
    rows = [json.loads(line) for line in (tmp_path / "set/failures.jsonl").read_text().splitlines()]
    assert (rows[-1]["file"], rows[-1]["line"], rows[-1]["reason"]) == (
        "recombined",
        60,
        "tex-error",
    )
    assert (result.failed, result.recombined) == (1, 59)


def test_columns_and_groups_still_decide_the_splits(table: Path, tmp_path: Path) -> None:
    result = run(asked(table, tmp_path / "set", split_by="author"))
    assert result.recombined == 60
    assert result.counts["val"] > 20
    assert not any(is_made(record) for record in store.read(tmp_path / "set", "val"))


def test_pictures_that_come_with_formulas_take_no_made_ones(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    folder.mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "a.png")
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png", "formula": "x"}\n')
    with pytest.raises(UsageError, match="comes with its pictures"):
        run(stub.settings(folder, tmp_path / "set", recombine=5))


def test_fewer_than_asked_are_said(tmp_path: Path) -> None:
    source = tmp_path / "one.txt"
    source.write_text("x\n")
    warned: list[str] = []

    class Listening(SilentReporter):
        def warn(self, message: str) -> None:
            warned.append(message)

    tree = stub.settings(source, tmp_path / "set", recombine=500, val_share=0.0, test_share=0.0)
    result = build.run(tree, Listening())
    assert result.recombined is not None
    assert result.recombined < 500
    assert warned == [
        f"Only {result.recombined} of 500 formulas could be made from the 1 of the train split."
    ]
