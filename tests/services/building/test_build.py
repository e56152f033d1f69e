"""What the build command makes: pictures, metadata, failures, glyphs and the report."""

import json
from pathlib import Path

import numpy as np
import pytest
import stub_build as stub
from PIL import Image
from stub_build import run, small

from im2latex_cli.data import store
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.services.building import build, request


@pytest.mark.parametrize("renderer", [pytest.param("tex", marks=pytest.mark.tex), "embedded"])
def test_the_small_set_renders_whole(root: Path, renderer: str) -> None:
    result = run(small(root, renderer))
    assert result.counts == {"train": 240, "val": 30, "test": 30}
    assert (result.failed, result.duplicates, result.overlaps) == (0, 0, 0)
    assert (result.built, result.exit_code) == (True, 0)
    assert result.renderer.startswith(renderer)
    assert sorted(path.name for path in root.iterdir()) == [
        "failures.jsonl", "manifest.json", "test", "train", "val", "vocab.json",
    ]  # fmt: skip
    for split in store.splits(root):
        for record in store.read(root, split):
            with Image.open(record.image) as picture:
                assert (picture.mode, picture.size) == ("L", (record.width, record.height))
                assert np.asarray(picture).min() < 64


@pytest.mark.parametrize("renderer", [pytest.param("tex", marks=pytest.mark.tex), "embedded"])
def test_generated_formulas_render(root: Path, renderer: str) -> None:
    result = run(small(root, renderer, dataset="synthetic", size=300))
    assert result.failed_share <= 0.01
    assert sum(result.counts.values()) + result.failed + result.duplicates == 300


@pytest.mark.usefixtures("boxes")
def test_formulas_of_the_grammar_in_the_docs(tmp_path: Path, root: Path) -> None:
    docs = Path(__file__).parents[3] / "docs" / "how-to" / "build.md"
    (text,) = [part for part in docs.read_text().split("```") if "% my.grammar" in part]
    grammar = tmp_path / "my.grammar"
    grammar.write_text(text.lstrip("\n"))
    result = run(stub.settings(grammar, root, size=100))
    assert result.failures == {}
    assert sum(result.counts.values()) + result.duplicates + result.overlaps == 100
    formulas = [row.formula for split in store.splits(root) for row in store.read(root, split)]
    assert any("pmatrix" in formula for formula in formulas)
    grammar.write_text(text.replace("99", "98").lstrip("\n"))
    with pytest.raises(UsageError):
        run(stub.settings(grammar, root, size=100))


@pytest.mark.usefixtures("boxes")
def test_every_line_ends_as_a_picture_or_a_row(source: Path, root: Path) -> None:
    result = run(stub.settings(source, root, max_failures=0.2))
    rows = [json.loads(line) for line in (root / "failures.jsonl").read_bytes().splitlines()]
    assert [(row["line"], row["reason"]) for row in rows] == [
        (3, "empty"),
        (4, "tex-error"),
        (5, "duplicate"),
        (6, "unsound"),
    ]
    assert rows[1]["formula"] == "fail"
    assert rows[1]["message"] == "Undefined control sequence."
    assert sum(result.counts.values()) + len(rows) == len(stub.LINES)
    assert result.failures == {"empty": 1, "tex-error": 1, "unsound": 1}
    assert (result.failed, result.duplicates, result.exit_code) == (3, 1, 7)
    assert run(stub.settings(source, root, max_failures=0.3)).exit_code == 0


@pytest.mark.usefixtures("boxes")
def test_metadata_keeps_where_formulas_come_from(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "formulas.tsv"
    table.write_text("split\tsource\tformula\ntest\tbook\tx\ntest\t\ty\n", encoding="utf-8")
    run(stub.settings(table, root))
    assert [(row.formula, row.source) for row in store.read(root, "test")] == [
        ("x", "book"), ("y", ""),
    ]  # fmt: skip
    assert '"source"' not in (root / "test/metadata.jsonl").read_text().splitlines()[1]


@pytest.mark.usefixtures("boxes")
def test_metadata_tells_source_formula_and_normal_form(source: Path, root: Path) -> None:
    run(stub.settings(source, root, val_share=0, test_share=0))
    (record,) = [r for r in store.read(root, "train") if r.formula == "y^2"]
    assert record.tokens == ("y", "^", "{", "2", "}")
    assert record.id == "train/000001"
    assert store.splits(root) == ["train"]


def test_glyphs_need_tex(root: Path) -> None:
    with pytest.raises(UsageError, match="glyphs"):
        run(small(root, "embedded", glyphs=True))
    assert not root.exists()


@pytest.mark.tex
def test_glyphs_stand_on_the_ink(root: Path) -> None:
    run(small(root, "tex", glyphs=True, limit=60))
    text = (root / "train" / "glyphs.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    records = store.read(root, "train")
    assert [row["file_name"] for row in rows] == [record.image.name for record in records]
    named = total = 0
    for row, record in zip(rows, records, strict=True):
        picture = np.asarray(Image.open(record.image))
        for font, code, x, y, width, height, token in row["glyphs"]:
            assert (type(font), type(code)) == (str, int)
            top, left = int(y - height / 2), int(x - width / 2)
            box = picture[top : int(y + height / 2) + 1, left : int(x + width / 2) + 1]
            assert box.min() < 200, (record.formula, font, code)
            assert -1 <= token < len(record.tokens)
            named += token >= 0
            total += 1
    assert named > 0.95 * total


def test_pictures_are_imported(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    (folder / "train").mkdir(parents=True)
    picture = np.full((20, 30), 255, np.uint8)
    picture[5:15, 5:25] = 0
    Image.fromarray(picture).convert("RGB").save(folder / "train" / "a.jpg", quality=100)
    (folder / "train" / "b.png").write_text("no picture")
    rows = [{"file_name": name, "formula": name[0]} for name in ("a.jpg", "b.png", "c.png")]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "train" / "metadata.jsonl").write_text(lines)
    result = run(small(root, "auto", dataset=str(folder)))
    assert (result.renderer, result.counts["train"]) == ("imported", 1)
    assert result.failures == {"no-picture": 1, "unreadable-picture": 1}
    (record,) = store.read(root, "train")
    assert (record.formula, record.width, record.height) == ("a", 30, 20)
    with Image.open(record.image) as stored:
        assert (stored.format, stored.mode) == ("PNG", "L")
        assert np.abs(np.asarray(stored).astype(int) - picture).max() < 16
    assert not run(small(root, "embedded", dataset=str(folder))).built


@pytest.mark.usefixtures("boxes")
def test_own_pictures_among_rendered_ones(source: Path, root: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    picture = np.full((20, 30), 255, np.uint8)
    picture[5:15, 5:25] = 0
    for name in ("a", "b"):
        Image.fromarray(picture).save(own / f"{name}.png")
    rows = [{"file_name": f"{name}.png", "formula": f"{name}+1"} for name in ("a", "b")]
    (own / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tree = stub.settings(source, root, dataset=[str(source), str(own)])
    result = run(tree)
    assert (result.dataset, result.renderer) == ("formulas+own", "tex boxes 1")
    records = [row for split in store.splits(root) for row in store.read(root, split)]
    given = [row for row in records if row.source == "own"]
    assert sorted(row.formula for row in given) == ["a+1", "b+1"]
    assert {(row.width, row.height) for row in given} == {(30, 20)}
    assert {row.source for row in records} == {"own", "formulas"}
    assert not run(tree).built
    with pytest.raises(UsageError, match="Glyph positions are not known for pictures"):
        run(stub.settings(source, root, dataset=[str(source), str(own)], glyphs=True), force=True)
    with pytest.raises(
        UsageError, match=r"build\.dataset was \['formulas\.txt', 'own'\], now None"
    ):
        run(stub.settings(source, root))


@pytest.mark.usefixtures("boxes")
def test_full_from_a_folder_at_hand(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "im2latex_formulas.lst").write_bytes(b"a\nb%\xe9\nc\nfail\n")
    for split, numbers in {"train": (0, 1), "validate": (2,), "test": (3,)}.items():
        lines = "".join(f"{number} name basic\n" for number in numbers)
        (folder / f"im2latex_{split}.lst").write_text(lines)
    tree = small(root, "tex", dataset="full", source=str(folder))
    reporter = SilentReporter()
    result = build.run(tree, reporter)
    assert result.counts == {"train": 2, "val": 1, "test": 0}
    assert reporter.warnings == ["Not UTF-8, so read as Latin-1: im2latex_formulas.lst, lines 2."]
    assert json.loads((root / "manifest.json").read_bytes())["source"]["name"] == "im2latex-100k"
    assert not run(tree).built
    (folder / "im2latex_test.lst").unlink()
    with pytest.raises(InputError, match=r"no im2latex_test\.lst"):
        run(tree)


def test_full_is_downloaded_only_without_a_folder(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(request, "obtain", lambda *request: asked.append(request[1]))
    with pytest.raises(InputError, match=r"has no im2latex_formulas\.lst"):
        run(small(root, "tex", dataset="full"))
    assert [path.name for path in asked] == ["im2latex-100k"]
    with pytest.raises(InputError, match=r"has no im2latex_formulas\.lst"):
        run(small(root, "tex", dataset="full", source=str(tmp_path)))
    assert len(asked) == 1
    with pytest.raises(UsageError, match=r"`build\.dataset` full"):
        run(small(root, "tex", source=str(tmp_path)))


@pytest.mark.usefixtures("boxes")
def test_split_by_a_column_is_part_of_the_data_set(tmp_path: Path, root: Path) -> None:
    table = tmp_path / "formulas.tsv"
    lines = "".join(f"author {n % 20}\tx_{{{n}}}\n" for n in range(200))
    table.write_text("author\tformula\n" + lines)
    tree = stub.settings(table, root, split_by="author", val_share=0.3, test_share=0.3)
    run(tree)
    where: dict[int, set[str]] = {}
    for split in store.splits(root):
        for record in store.read(root, split):
            number = int(record.formula.strip("x_{}"))
            where.setdefault(number % 20, set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())
    with pytest.raises(UsageError, match=r"build\.split_by was author, now None"):
        run(stub.settings(table, root, val_share=0.3, test_share=0.3))


@pytest.mark.usefixtures("boxes")
def test_formulas_of_a_text_share_lines_and_none_is_mixed_up(tmp_path: Path, root: Path) -> None:
    text = tmp_path / "paper.tex"
    text.write_text("$a$ $fail$ $b$ \\[ fail 2 \\]\n$c$ $a$ $}$\n")
    result = run(stub.settings(text, root, val_share=0, test_share=0))
    assert [record.formula for record in store.read(root, "train")] == ["a", "b", "c"]
    assert (result.failures, result.duplicates) == ({"tex-error": 2}, 1)
    assert sorted(json.loads((root / "vocab.json").read_bytes())["tokens"][4:]) == ["a", "b", "c"]


@pytest.mark.usefixtures("boxes")
def test_the_report_is_written_also_when_nothing_is_to_do(
    source: Path, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pages" / "report.html"
    first = run(stub.settings(source, root, report=str(path)))
    page = path.read_text()
    assert first.report == str(path)
    for text in ("<svg", "data:image/png", "tex-error", "Undefined control sequence.", "r+s"):
        assert text in page
    assert page.count("<article>") == min(40, sum(first.counts.values()))
    path.unlink()
    assert not run(stub.settings(source, root, report=str(path))).built
    assert path.read_text() == page
    with pytest.raises(InputError, match=r"report cannot be written.*is built"):
        run(stub.settings(source, root, report=str(root)))


@pytest.mark.usefixtures("boxes")
def test_the_report_of_nothing_but_failures(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "formulas.txt"
    path.write_text("fail\nfail 2\n")
    page = tmp_path / "report.html"
    run(stub.settings(path, root, report=str(page)))
    assert "100.00" in page.read_text()


@pytest.mark.parametrize("text", ["\n\n", "\\wurst\n", "a &lt; b\n"])
def test_a_build_of_nothing_is_an_input_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    result = run(stub.settings(tmp_path / "list.txt", tmp_path / "out"))
    assert result.exit_code == InputError.exit_code
    assert Path(str(result.failures_file)).is_file()
