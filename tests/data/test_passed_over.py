"""What looks like a formula is taken, or a row says why not."""

from pathlib import Path

import pytest

from im2latex_cli.data.documents.document import SourceFile, read
from im2latex_cli.data.plan import make_plan
from im2latex_cli.data.sources.entries import BadLine, SourceFormula
from im2latex_cli.data.sources.source import open_source, with_macros
from im2latex_cli.errors import InputError


def found(text: str, name: str = "a.tex") -> list[str]:
    rows = read([SourceFile(name, text)])
    return [
        row.formula if isinstance(row, SourceFormula) else f"{row.reason}: {row.text}"
        for row in rows
    ]


def opened(folder: Path, name: str, content: str | bytes) -> tuple[list[str], tuple[str, ...]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = open_source(str(path), column="formula", size=1, seed=0)
    rows = [row.formula if isinstance(row, SourceFormula) else row.reason for row in source.read()]
    return rows, source.remarks


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"\begin{IEEEeqnarray}{rCl}P&=&Q\\R&<&S\end{IEEEeqnarray}", ["P = Q", "R < S"]),
        (r"\begin{IEEEeqnarray*}[x]{rCl}P&=&Q\end{IEEEeqnarray*}", ["P = Q"]),
        (
            r"\begin{numcases}{g=}1&if $x>0$\\2\end{numcases}",
            [r"g=\begin{cases}1&\text{if }{x>0}\\2\end{cases}"],
        ),
        (r"\begin{empheq}[box=\fbox]{align}p&=q\\r&=s\end{empheq}", ["p =q", "r =s"]),
        (r"\begin{empheq}{alignat=2}p&=q&&r\end{empheq}", [r"p =q\qquad r"]),
        (r"\begin{darray}{c}x\\y\end{darray}", ["x", "y"]),
        (r"\begin{math}y\end{math} \ensuremath{z^{2}}", ["y", "z^{2}"]),
        (r"\begin{mymath}\frac{a}{b}\end{mymath}", [r"not-taken: \frac{a}{b}"]),
        (r"\begin{tikzcd}A\arrow{r}&B_1\end{tikzcd}", [r"not-taken: A\arrow{r}&B_1"]),
        (r"\begin{remarkx}as in \ref{a_b} and $x_1$\end{remarkx}", ["x_1"]),
        (r"\begin{tabular}{c}a & b_c\end{tabular}", []),
        (
            r"\begin{align}a&=b\intertext{so $q_1$ and $q_2$}c&=d\end{align}",
            ["a =b", "q_1", "q_2", "c =d"],
        ),
        (r"\begin{spreadlines}{1em}\begin{gather}a\\b\end{gather}\end{spreadlines}", ["a", "b"]),
        ("\\begin{equation}\na\n\n+b\n\\end{equation} $c$", ["not-taken: a", "c"]),
        ("a $$x_1\n\n$c$", ["not-taken: x_1", "c"]),
    ],
)
def test_environments_of_packages_and_unknown_ones(text: str, wanted: list[str]) -> None:
    assert found(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("> $$\n> x\n> + y\n> $$\n\n$$\na\n> b\n$$", ["x + y", "a > b"]),
        ("```{math}\n:label: e\n\\frac12\n```\n:::{math}\nb_1\n:::", [r"\frac12", "b_1"]),
        (
            r"$\\{x\\}$ $\begin{matrix}a\\{b}\end{matrix}$",
            [r"\{x\}", r"\begin{matrix}a\\{b}\end{matrix}"],
        ),
        ("$a &le; b &amp; c &alpha;$", ["a ≤ b & c α"]),
        ("$ x_1 $ and $5 and $y_2$3", ["not-taken: x_1", "not-taken: y_2"]),
        ("It is $ 5 or $ 6, $3.50, $4/kg; $100k-$200k", []),
        ("CA$6, 35$ and US$5 and US$6 and $x$", ["x"]),
        ("a\n\n    code $a$\n\nb $c$", ["c"]),
        ("- item\n\n    $c+d$ in it", ["c+d"]),
        ("| a | b |\n|---|---|\n| $\\|x\\|$ | $y$ |\n\n$\\|z\\|$", ["|x|", "y", r"\|z\|"]),
        ("[text $q$](http://a.b/$z$w$) <https://a.b/$c$>", ["q"]),
        ("$a &lt; b$ and $x &amp;= y$", ["a < b", "x &= y"]),
        ("<code>$r$</code> <pre>\n$s$\n</pre> <b>$t$</b>", ["t"]),
    ],
)
def test_markdown_that_is_no_mathematics(text: str, wanted: list[str]) -> None:
    assert found(text, "a.md") == wanted


@pytest.mark.parametrize(
    ("definition", "formula", "wanted"),
    [
        (r"\def\set#1|#2{\{#1\mid#2\}}", r"\set{y}|{y<1}", r"\{y\mid y<1\}"),
        (r"\def\ket|#1>{|#1\rangle}", r"\ket|\psi>", r"|\psi\rangle"),
        (r"\def\pair(#1,#2){#2#1}", r"\pair({a,b},c)", "ca,b"),
        (r"\NewDocumentCommand{\dd}{O{x} m}{\frac{d#2}{d#1}}", r"\dd{f}", r"\frac{df}{dx}"),
        (r"\NewDocumentCommand{\dd}{O{x} m}{\frac{d#2}{d#1}}", r"\dd[t]{g}", r"\frac{dg}{dt}"),
        (r"\NewDocumentCommand\n{s m}{\IfBooleanTF{#1}{\|#2\|}{|#2|}}", r"\n*{a}", r"\|a\|"),
        (r"\NewDocumentCommand\n{s m}{\IfBooleanTF{#1}{\|#2\|}{|#2|}}", r"\n{a}", "|a|"),
        (r"\NewDocumentCommand\e{o}{e\IfNoValueTF{#1}{}{^{#1}}}", r"\e+\e[2]", "e+e^{2}"),
        (r"\RenewDocumentCommand\f{D(){0} m}{#2_{#1}}", r"\f{x}\f(1){y}", "x_{0}y_{1}"),
    ],
)
def test_definitions_with_arguments_of_any_form(definition: str, formula: str, wanted: str) -> None:
    assert found(f"{definition} ${formula}$") == [wanted]


def test_an_environment_of_the_author_is_written_out() -> None:
    text = r"\newenvironment{eqq}{\begin{equation}}{\end{equation}}\begin{eqq}m=n\end{eqq}"
    assert found(text) == ["m=n"]


@pytest.mark.parametrize(
    "definition",
    [
        r"\newenvironment{sys}{\left\{\begin{array}{l}}{\end{array}\right.}",
        r"\NewDocumentEnvironment{sys}{}{\left\{\begin{array}{l}}{\end{array}\right.}",
    ],
)
def test_an_environment_of_the_author_inside_a_formula(definition: str) -> None:
    (formula,) = found(definition + r"$x=\begin{sys}a\\b\end{sys}$")
    assert formula.replace(" ", "") == r"x=\left\{\begin{array}{l}a\\b\end{array}\right."


@pytest.mark.parametrize(
    ("lines", "wanted", "remark"),
    [
        ("1. a+b\n2. c\n\n7. d", ["a+b", "c", "empty", "d"], "numbered"),
        ("(1) a+b\n(2) c", ["a+b", "c"], "numbered"),
        ("- a\n- b\n- c", ["a", "b", "c"], "list marks"),
        ("\u2022 a\n\u2022 b\n\u2022 c", ["a", "b", "c"], "list marks"),
        ('"a_1"\n"b",', ["a_1", "b"], "quotes"),
        ("-1\n-x\n-a - b", ["-1", "-x", "-a - b"], ""),
        ("3.5\n- x\n(1)", ["3.5", "- x", "(1)"], ""),
    ],
)
def test_marks_of_a_list_are_no_part_of_its_formulas(
    tmp_path: Path, lines: str, wanted: list[str], remark: str
) -> None:
    rows, remarks = opened(tmp_path, "a.txt", lines)
    assert rows == wanted
    assert [remark in one for one in remarks] == [True] * bool(remark)


@pytest.mark.parametrize(
    "line",
    [
        "2. x",
        "Formulas of chapter three",
        "where alpha is the angle, and so on.",
        "https://example.org/a.png",
        '{"formula": "x_1"}',
    ],
)
def test_a_line_that_is_no_formula_says_so(tmp_path: Path, line: str) -> None:
    assert opened(tmp_path, "a.txt", f"x+y\n{line}\na b c d\n") == (
        ["x+y", "no-formula", "a b c d"],
        (),
    )


def test_columns_in_a_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 columns with tabs"):
        opened(tmp_path, "a.txt", "x\t1\ny\t2\n")


def test_a_quote_that_stays_open_swallows_no_rows(tmp_path: Path) -> None:
    rows, _ = opened(tmp_path, "a.csv", 'formula,split\nx,train\n"y,train\nz,train\n')
    assert rows == ["x", "no-formula"]


def test_an_address_is_named_as_one() -> None:
    with pytest.raises(InputError, match=r"https://example.org/a.txt: URLs are not fetched"):
        open_source("https://example.org/a.txt", column="formula", size=1, seed=0)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tex", "a.md"])
def test_a_file_of_another_width_is_one_message(tmp_path: Path, encoding: str, name: str) -> None:
    with pytest.raises(InputError, match="UTF-16 or UTF-32"):
        opened(tmp_path, name, "formula\na+b\nc+d\n".encode(encoding))


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_separator_is_guessed_and_said(tmp_path: Path, mark: str) -> None:
    content = f"id{mark}formula\n1{mark}p+q\n2{mark}r\n"
    rows, remarks = opened(tmp_path, "a.csv", content)
    assert rows == ["p+q", "r"]
    assert len(remarks) == 1
    assert "separated by" in remarks[0]


def test_the_separator_of_the_ending_needs_no_word(tmp_path: Path) -> None:
    assert opened(tmp_path, "a.csv", "formula,b;c\nx,1\n") == (["x"], ())
    assert opened(tmp_path, "a.tsv", "a\tformula\n1\tx;y\n") == (["x;y"], ())


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 columns named 'formula'"):
        opened(tmp_path, "a.csv", "formula,formula\na,b\n")


@pytest.mark.parametrize(
    "formula",
    [
        "a &lt; b",
        "H<sub>2</sub>O",
        '<span class="m">x</span>',
        "x<br>y",
        "&#945;",
        r"\frac12 &deg; C",
    ],
)
def test_html_is_a_failure_that_says_so(tmp_path: Path, formula: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{formula}\na<b>c\n\\begin{{aligned}}x&lt\\end{{aligned}}\n", encoding="utf-8")
    source = open_source(str(path), column="formula", size=1, seed=0)
    plan = make_plan(source, limit=None, val_share=0, test_share=0, spacing="keep")
    assert [(row.line, row.reason) for row in plan.exclusions] == [(1, "html")]
    assert len(plan.items) == 2


def test_what_is_not_taken_names_its_line() -> None:
    (row,) = read([SourceFile("a.tex", "x\n\n\\begin{own}\na_1\n\\end{own}")])
    assert isinstance(row, BadLine)
    assert (row.line, row.reason) == (3, "not-taken")


def test_a_file_of_macros_is_written_out_in_lists(tmp_path: Path) -> None:
    (tmp_path / "own.sty").write_text(
        "\\newcommand{\\R}{\\mathbb{R}} % reals\n\\def\\pair<#1,#2>{(#1,#2)}\n", encoding="utf-8"
    )
    (tmp_path / "a.txt").write_text("x\\in\\R\n\\pair<a,b>\n\\unknown\n", encoding="utf-8")
    plain = open_source(str(tmp_path / "a.txt"), column="formula", size=1, seed=0)
    source = with_macros(plain, tmp_path / "own.sty")
    rows = [row.formula for row in source.read() if isinstance(row, SourceFormula)]
    assert rows == [r"x\in\mathbb{R}", "(a,b)", r"\unknown"]
    assert source.digest != plain.digest
    assert source.options["build.macros"] == "own.sty"


def test_a_file_without_macros_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.tex").write_text("nothing", encoding="utf-8")
    (tmp_path / "a.txt").write_text("x\n", encoding="utf-8")
    plain = open_source(str(tmp_path / "a.txt"), column="formula", size=1, seed=0)
    with pytest.raises(InputError, match="defines no macros"):
        with_macros(plain, tmp_path / "own.tex")
