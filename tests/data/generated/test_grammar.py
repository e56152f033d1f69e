from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.data.generated.grammar import FormulaGrammar, grammar_source, read_grammar
from im2latex_cli.data.plan import make_plan
from im2latex_cli.data.sources.entries import SourceFormula
from im2latex_cli.data.sources.source import dataset_name, open_source
from im2latex_cli.errors import InputError
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import tokenize

SCRIPTS = Path(__file__).parents[2] / "bench" / "pretrained"
TOKENS = [r"\to", r"\alpha", r"\dots", "a", "q", "1", "*", r"\\", r"\,", "[", "{", "}", "'", "="]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grammars")


def written(folder: Path, text: str, name: str = "g.grammar") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def read(folder: Path, text: str) -> FormulaGrammar:
    return read_grammar(written(folder, text))


def drawn(folder: Path, text: str, count: int = 200) -> list[str]:
    grammar = read(folder, text)
    return [grammar.formula(0, index) for index in range(count)]


@pytest.mark.parametrize(
    ("alternative", "formulas"),
    [
        (r"\frac{1}{2}", {r"\frac{1}{2}"}),
        ("<number 8 11>", {"8", "9", "10", "11"}),
        ("<number -1 1>", {"-1", "0", "1"}),
        ("<number 08 10>", {"08", "09", "10"}),
        ("x<one of + - <empty>>", {"x+", "x-", "x"}),
        ("<one of a~b <number 1 1>>", {"a b", "1"}),
        ("x<maybe ^{<number 2 3>}>", {"x", "x^{2}", "x^{3}"}),
        ("<list 0..2 of x>", {"", "x", "xx"}),
        ("<list 2,4 of x joined by +>", {"x+x", "x+x+x+x"}),
        ("<list 2 of <list 2 of a joined by &> joined by ;>", {"a&a;a&a"}),
        ("<list 2 of x joined by <one of + ->>", {"x+x", "x-x"}),
        ("<v=one of a b>+<v>", {"a+a", "b+b"}),
        ("<matrix 1 by 2 of 0>", {"0 & 0"}),
        ("<matrix n=1..2 by n of 0>", {"0", r"0 & 0 \\ 0 & 0"}),
        ("<n=number 1 2>: <list n of x>", {"1: x", "2: xx"}),
        ("{<list n=1..2 of c>}<matrix 1 by n of 0>", {"{c}0", "{cc}0 & 0"}),
        ("1 2", {"2"}),
        ("0.5 x", {"x"}),
        ("1< 2>1", {"1< 2>1"}),
        ("a<b>c", {"abc", "aqc"}),
    ],
)
def test_slots(folder: Path, alternative: str, formulas: set[str]) -> None:
    assert set(drawn(folder, f"formula:\n  {alternative}\nb: one of\n  b q\n")) == formulas


def test_blocks_comments_and_line_ends(folder: Path) -> None:
    text = "\ufeff% comment\nformula:\n\n    <x>\n  % no alternative\nx: one of\n\ta b\n c\n"
    assert set(drawn(folder, text.replace("\n", "\r\n"))) == {"a", "b", "c"}


def test_weights(folder: Path) -> None:
    counts = Counter(drawn(folder, "formula:\n  6 a\n  b\n  3.0 c\n", 2000))
    assert {name: round(count / 200) for name, count in counts.items()} == {"a": 6, "b": 1, "c": 3}


def test_names_belong_to_one_alternative(folder: Path) -> None:
    text = "formula:\n  <v=one of a b><inner><v>\ninner:\n  <v>\nv:\n  q\n"
    assert set(drawn(folder, text)) == {"aqa", "bqb"}


@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8))
def test_tokens_side_by_side_stay_what_they_are(folder: Path, tokens: list[str]) -> None:
    names = [f"t{'abcdefgh'[at]}" for at in range(len(tokens))]
    blocks = [f"{name}:\n  {token}\n" for name, token in zip(names, tokens, strict=True)]
    slots = "".join(f"<{name}>" for name in names)
    (formula,) = drawn(folder, f"formula:\n  {slots}\n{''.join(blocks)}", 1)
    assert tokenize(formula) == tokenize(" ".join(tokens))


def test_a_star_after_a_line_break_stays_a_cell(folder: Path) -> None:
    text = "formula:\n  \\begin{matrix}<matrix 2 by 2 of *>\\end{matrix}\n"
    (formula,) = drawn(folder, text, 1)
    assert normalize(formula).tokens.count("*") == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formula:\n  <atm>\natom:\n  x\n", "line 2: unknown slot <atm>; did you mean <atom>?"),
        ("formula:\n  <zzz>\natom:\n  x\n", "line 2: unknown slot <zzz>; no block has this name."),
        ("formula:\n  a\nb:\n  c\nb:\n  d\n", "line 5: b has a block already, g.grammar, line 3."),
        ("formula:\n  x+<formula>\n", "line 1: <formula> never ends: it needs <formula>."),
        (
            "formula:\n  <b>\n  <c>\nb:\n  <c>x\nc:\n  2 <b>\n",
            "line 4: <b> never ends: it needs <c>, which needs <b>.",
        ),
        ("atom:\n  x\n", "g.grammar has no block `formula:`"),
        ("formula:\natom:\n  x\n", "line 1: formula has no alternatives."),
        ("  x\n", "line 1: an alternative outside a block."),
        ("formula: x\n", "line 1: 'formula: x' is not the name of a symbol."),
        ("number:\n  1\n", "line 1: number has a meaning in slots."),
        ("formula:\n  0 x\n", "line 2: the weight 0 is not above 0."),
        ("formula:\n  a<b\n", "line 2: <b has no > at its end; for a less-than sign"),
        ("formula:\n  a<b+c>\n", "line 2: <b+c> is not a slot; for a less-than sign"),
        ("formula:\n  <number 1>\n", "<number 1> is not a slot; it looks like <number 0 99>."),
        ("formula:\n  <number 3 1>\n", "the smaller one goes first"),
        (
            "formula:\n  <list n of x>\n",
            "line 2: n is not a count such as 3, 2..4, 2,2,3 or n=2..4",
        ),
        ("formula:\n  <list 3..2 of x>\n", "3..2 has no number from 0 to 100"),
        ("formula:\n  <list 101 of x>\n", "101 has no number from 0 to 100"),
        ("formula:\n  <maybe <n=one of 1 2>><list n of x>\n", "n is not a count"),
        ("formula:\n  <v=one of a b><list v of x>\n", "v is not a count"),
        ("include no.grammar\nformula:\n  x\n", "line 1: "),
    ],
)
def test_broken_grammars(folder: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(folder, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_utf8(folder: Path) -> None:
    path = folder / "latin.grammar"
    path.write_bytes(b"formula:\n  \xe9\n")
    with pytest.raises(InputError, match=r"latin\.grammar is not UTF-8"):
        read_grammar(path)


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "formula:",
                    "a:",
                    "b: one of",
                    "include g.grammar",
                    "% c",
                    "\n",
                    "\n  ",
                    "\n  2 ",
                ),
                *("<a>", "<b>", "<formula>", "<x=a>", "<x>", "<number 0 9>", "<maybe ", "<one of "),
                *(
                    "<list 0..3 of ",
                    "<list n=1..2 of ",
                    "<matrix n by 2 of ",
                    " joined by ",
                    ">",
                    "<",
                ),
                *("x", r"\to", " ", "&", "=", "0", "~"),
            ]
        ),
        max_size=25,
    )
)
def test_any_text_is_a_grammar_or_one_line_says_why_not(folder: Path, parts: list[str]) -> None:
    path = written(folder, "formula:\n  <a>" + "".join(parts) + "\na:\n  x\n")
    formulas = []
    for _ in range(2):
        try:
            formulas.append(read_grammar(path).formula(1, 2))
        except InputError as error:
            formulas.append(f"no grammar: {error}")
    assert formulas[0] == formulas[1]
    assert "\n" not in formulas[0]


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32))
def test_recursion_ends_however_likely_it_is(
    folder: Path, weight: int, copies: int, seed: int
) -> None:
    grammar = read(folder, f"formula:\n  {weight} ({'<formula>' * copies})\n  x\n")
    formula = grammar.draw(Random(seed))
    assert formula.count("(") == formula.count(")")
    assert len(formula) < 4000 * copies


def test_a_formula_too_long_even_on_the_shortest_way(folder: Path) -> None:
    lists = "<list 100 of <list 100 of <list 100 of x>>>"
    with pytest.raises(InputError, match=r"g\.grammar draws a formula without end"):
        read(folder, f"formula:\n  {lists}\n").formula(0, 0)


def test_included_files_are_read_once_and_change_the_digest(folder: Path) -> None:
    (folder / "parts").mkdir(exist_ok=True)
    written(folder / "parts", "include ../main.grammar\nletter: one of\n  x\n", "letters.grammar")
    main = written(
        folder,
        "include parts/letters.grammar\ninclude parts/letters.grammar\nformula:\n  <letter>\n",
        "main.grammar",
    )
    first = read_grammar(main)
    assert first.formula(0, 0) == "x"
    written(folder / "parts", "letter: one of\n  y\n", "letters.grammar")
    assert read_grammar(main).digest != first.digest
    assert read_grammar(main).formula(0, 0) == "y"


def test_given_texts_replace_a_block_and_are_no_templates(folder: Path) -> None:
    path = written(folder, "formula:\n  <piece>!\npiece:\n  x\n")
    grammar = read_grammar(path, given={"piece": {"a<b>c": 3, "y": 1}})
    counts = Counter(grammar.formula(0, index) for index in range(4000))
    assert set(counts) == {"a<b>c!", "y!"}
    assert counts["a<b>c!"] / 1000 == pytest.approx(3, abs=0.1)
    with pytest.raises(InputError, match="no block for <pice>; did you mean <piece>"):
        read_grammar(path, given={"pice": {"x": 1}})


def test_a_source_depends_on_seed_and_number_alone(folder: Path) -> None:
    path = written(folder, "formula:\n  <number 0 99999>+<number 0 99999>\n", "sums.grammar")
    small, large, other = (
        list(grammar_source(path, size, seed).read()) for size, seed in ((20, 3), (30, 3), (20, 4))
    )
    assert large[:20] == small != other
    assert [row.line for row in large] == list(range(1, 31))
    source = open_source(str(path), column="formula", size=20, seed=3)
    assert list(source.read()) == small
    assert source.options == {"build.size": 20, "runtime.seed": 3}
    assert dataset_name(str(path)) == "sums"
    with pytest.raises(InputError, match="no columns"):
        open_source(str(path), column="formula", size=20, seed=3, split_by="author")


def test_a_formula_without_normal_form_is_left_out_and_counted(folder: Path) -> None:
    path = written(folder, "formula:\n  x_{<number 1 999>}\n  x^1^{<number 1 999>}\n")
    plan = make_plan(
        grammar_source(path, 100, 0), limit=None, val_share=0.1, test_share=0.1, spacing="keep"
    )
    unsound = [row for row in plan.exclusions if row.reason == "unsound"]
    assert 30 < len(unsound) < 70
    assert {row.message for row in unsound} == {"double superscript"}
    assert len(plan.items) + len(plan.exclusions) == 100


@pytest.mark.parametrize("name", ["short", "constructs"])
def test_grammars_of_the_shipped_model(name: str) -> None:
    rows = list(grammar_source(SCRIPTS / f"{name}.grammar", 1500, 0).read())
    forms = [normalize(row.formula) for row in rows if isinstance(row, SourceFormula)]
    unsound = [form.problem for form in forms if form.problem]
    assert len(unsound) < 0.005 * len(rows), unsound
    assert len({form.tokens for form in forms}) > 0.75 * len(rows)
