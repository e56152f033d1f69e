import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.data.documents.document import SourceFile, open_documents, read, source_of
from im2latex_cli.data.sources.entries import BadLine, SourceFormula
from im2latex_cli.errors import InputError

Where = tuple[str | None, int, str]


def rows(name: str, text: str) -> list[tuple[int, str]]:
    return [(row.line, row.formula) for row in read([SourceFile(name, text)])]  # type: ignore[union-attr]


def formulas(text: str, name: str = "a.tex") -> list[str]:
    return [formula for _, formula in rows(name, text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"if $x$ then \(y\) and \[z\] or $$w$$", ["x", "y", "z", "w"]),
        (r"\begin{equation}\label{e} a=b \end{equation}", [r"\label{e} a=b"]),
        (r"\begin{equation*}a\end{equation*}\begin{displaymath}b\end{displaymath}", ["a", "b"]),
        (r"\begin{align*} a &= b \\ c &= d \end{align*}", ["a = b", "c = d"]),
        (r"\begin{align} a&=b & c&=d \end{align}", [r"a =b \qquad c =d"]),
        (r"\begin{alignat}{2} a&=b && c \\[2pt] d&=e \end{alignat}", [r"a =b \qquad c", "d =e"]),
        (r"\begin{eqnarray} a &=& b \\* c &\le& d \\ \end{eqnarray}", ["a = b", r"c \le d"]),
        (r"\begin{gather} a \\ \nonumber \\ b \nonumber \end{gather}", ["a", r"b \nonumber"]),
        (r"\begin{multline} a + \\ b \end{multline}", ["a + b"]),
        (r"\begin{align} a \\ \intertext{so} b \end{align}", ["a", "b"]),
        (
            r"\begin{align} x = \begin{cases} 1 & a \\ 2 & b \end{cases} \\ {y \\ z} \end{align}",
            [r"x = \begin{cases} 1 & a \\ 2 & b \end{cases}", r"{y \\ z}"],
        ),
        (
            r"\begin{equation}\begin{aligned}a&=b\\&=c\end{aligned}\end{equation}",
            [r"\begin{aligned}a&=b\\&=c\end{aligned}"],
        ),
        (r"\[ a \text{ if $b$} \] $c$", [r"a \text{ if }{b}", "c"]),
        (
            r"\[ \text{$a$ and $b_{\mbox{$c$}}$ or} \text x\]",
            [r"{a}\text{ and }{b_{\mbox{$c$}}}\text{ or} \text{x}"],
        ),
        (r"\[ \text{a $ b} \]", [r"\text{a $ b}"]),
        (r"costs \$5 or \$6 $x$", ["x"]),
        (r"line\\[2pt] $x$", ["x"]),
        ("50\\% $x$ % $no$ \\[ no \\]\n$y$", ["x", "y"]),
        ("$a % no $\n + b$", ["a + b"]),
        ("\\[ a % \\]\n b \\]", ["a b"]),
        (r"\verb|$no$| \verb*+$no$+ $x$", ["x"]),
        ("\\begin{verbatim}\n$no$ % \\end{verbatim} $x$", ["x"]),
        (r"\begin{comment}$no$\end{comment}\iffalse $no$ \fi $x$", ["x"]),
        (r"$x$ \end{document} $no$", ["x"]),
        ("a lone $ here\n\nand $x$ there", ["x"]),
        (r"{\bf $x} $y$", ["y"]),
        (r"\[ unclosed $x$", ["x"]),
        (r"$ $ \[ \] \begin{align} \\ \end{align} $$ $$", []),
    ],
)
def test_where_mathematics_is_in_latex(text: str, wanted: list[str]) -> None:
    assert formulas(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$x$ costs $5 and $6\nor $7", ["x"]),
        ("$a$, $b$.", ["a", "b"]),
        ("`$no$` ``$no`$`` $x$", ["x"]),
        ("$`x`$", ["x"]),
        ("```math\nx\n```\n\n```python\n$no$\n```\n~~~\n$no$\n~~~\n$y$", ["x", "y"]),
        ("````\n```\n$no$\n```\n````\n$x$", ["x"]),
        ("<!-- $no$ --> $x$", ["x"]),
        (r"\\(x\\) \\[y\\] \(z\) \[w\]", ["x", "y", "z", "w"]),
        ("$$\nx\n$$\n\\begin{align}a&=b\\\\c\\end{align}", ["x", "a =b", "c"]),
        (r"\$x\$ $y$", ["y"]),
        ("$\\newcommand{\\R}{\\mathbb{R}}$ $\\R$", [r"\mathbb{R}"]),
    ],
)
def test_where_mathematics_is_in_markdown(text: str, wanted: list[str]) -> None:
    assert formulas(text, "a.md") == wanted


@pytest.mark.parametrize(
    ("definition", "use", "wanted"),
    [
        (r"\newcommand{\R}{\mathbb{R}}", r"\R x", r"\mathbb{R} x"),
        (r"\newcommand\a\alpha", r"{\a}b \a", r"{\alpha}b \alpha"),
        (r"\def\a{\alpha}", r"\a1", r"\alpha1"),
        (r"\def\f#1#2{#2\times#1}", r"\f ab", r"b\times a"),
        (r"\newcommand{\f}[1]{#1b}", r"\f\alpha", r"\alpha b"),
        (r"\newcommand{\n}[2][2]{\|#2\|_{#1}}", r"\n{x}+\n[1]{y}", r"\|x\|_{2}+\|y\|_{1}"),
        (r"\renewcommand*{\vec}[1]{\mathbf{#1}}", r"\vec{x}", r"\mathbf{x}"),
        (r"\let\old\vec \renewcommand{\vec}[1]{\old{\bf #1}}", r"\vec x", r"\vec{\bf x}"),
        (r"\providecommand{\x}{1}\providecommand{\x}{2}", r"\x", "1"),
        (r"\newcommand{\x}{1}\renewcommand{\x}{2}", r"\x", "2"),
        (r"\DeclareMathOperator{\rk}{rk}", r"\rk A", r"\operatorname{rk} A"),
        (r"\DeclareMathOperator*\am{arg\,max}", r"\am_x", r"\operatorname*{arg\,max}_x"),
        (
            r"\DeclarePairedDelimiter{\abs}{\lvert}{\rvert}",
            r"\abs{x} \abs*{y} \abs[\big]{z}",
            r"\lvert x\rvert \left\lvert y\right\rvert \big\lvert z\big\rvert",
        ),
        (r"\newcommand{\f}[1]{(#1)}", r"\f{\f{x}}", "((x))"),
        ("\\newcommand{\\f}[1]{% comment\n  (#1)}", r"\f{x}", "(x)"),
        (r"\newcommand{\a}{\b}\newcommand{\b}{c}", r"\a", "c"),
        (r"\newcommand{\A}{\ensuremath{\mathcal A}}", r"\A", r"{\mathcal A}"),
        (r"\newcommand{\i}[1][]{\ensuremath{I_{#1}}\xspace}", r"\i[2]\i", "{I_{2}}{I_{}}"),
        (r"\newcommand{\f}[1]{(#1)}", r"a\f", r"a\f"),
        (r"\def\f(#1){#1}", r"\f(x)", "x"),
        (r"\newcommand{\broken", r"x", "x"),
    ],
)
def test_macros_are_written_out(definition: str, use: str, wanted: str) -> None:
    assert formulas(f"{definition}\n\n${use}$") == [wanted]


@pytest.mark.parametrize(
    ("definition", "use", "wanted"),
    [
        (r"\def\be{\begin{equation}}\def\ee{\end{equation}}", r"\be x \ee", ["x"]),
        (r"\newcommand{\eq}[1]{\begin{align}#1\end{align}}", r"\eq{a&=b\\c}", ["a =b", "c"]),
        (r"\newenvironment{eq}{\begin{equation}}{\end{equation}}", r"\begin{eq}x\end{eq}", ["x"]),
        (r"\newcommand{\bea}{\begin{eqnarray}}\newcommand{\eea}{\end{eqnarray}}",
         r"\bea a&=&b \\ c \eea", ["a = b", "c"]),
    ],
)  # fmt: skip
def test_authors_own_words_for_displays(definition: str, use: str, wanted: list[str]) -> None:
    assert formulas(f"{definition}\n{use}") == wanted


def test_lines_are_those_of_the_file() -> None:
    text = (
        "% one\r\n\\newcommand{\\f}[1]{%\n  #1}\n$a$ \\verb|x| $b$\n\\begin{verbatim}\n\n"
        "\\end{verbatim}\n\\begin{align}\n  % why\n  c &= \\f{d} \\\\\n\n  e\n\\end{align}\n$$\ng$$"
    )
    assert rows("a.tex", text.replace("\n\n  e", "\n  e")) == [
        (4, "a"), (4, "b"), (10, "c = d"), (11, "e"), (14, "g"),
    ]  # fmt: skip


def test_own_displays_keep_the_lines() -> None:
    text = "\\newcommand{\\eq}[1]{\\[#1\\]}\n\\eq{\n a\n}\n$b$"
    assert rows("a.tex", text) == [(2, "a"), (5, "b")]


def test_macros_without_end_are_told_of() -> None:
    bombs = "".join(
        f"\\def\\{a}{{\\{b}\\{b}\\{b}\\{b}}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (bad, good) = read([SourceFile("a.tex", f"{bombs}\n$\\a$ $x$")])
    assert isinstance(bad, BadLine)
    assert "write out to more than" in bad.message
    assert good == SourceFormula(2, "x")


def notebook(*cells: tuple[str, str | list[str]]) -> str:
    return json.dumps({"cells": [{"cell_type": kind, "source": text} for kind, text in cells]})


def test_cells_of_a_notebook() -> None:
    text = notebook(
        ("markdown", ["$\\newcommand{\\R}{r}$\n", "$a$"]),
        ("code", "'$no$'"),
        ("markdown", "text\n$\\R$"),
    )
    assert list(read([SourceFile("n.ipynb", text)])) == [
        SourceFormula(2, "a", file="cell 1"),
        SourceFormula(2, "r", file="cell 3"),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [1]}', '{"cells": 3}', "\ud800"])
def test_a_broken_notebook_is_one_bad_line(text: str) -> None:
    first, second = read([SourceFile("n.ipynb", text), SourceFile("a.md", "$x$")])
    assert isinstance(first, BadLine)
    assert first.file == "n.ipynb"
    assert second == SourceFormula(1, "x", file="a.md")


def test_a_folder_shares_definitions_and_groups_by_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.tex").write_text("$no$")
    (tmp_path / "macros.sty").write_text(r"\newcommand{\R}{r} \newcommand{\S}{s} $no$")
    (tmp_path / "a.tex").write_text(r"\renewcommand{\S}{t} $\R\S$")
    (tmp_path / "sub" / "b.tex").write_text(r"$\S$")
    source = open_documents(tmp_path, split_by="file")
    assert list(source.read()) == [
        SourceFormula(1, "rt", file="a.tex", group="a.tex"),
        SourceFormula(1, "s", file="sub/b.tex", group="sub/b.tex"),
    ]
    assert source.options == {"build.split_by": "file"}
    before = source.digest
    (tmp_path / "macros.sty").write_text("")
    assert open_documents(tmp_path).digest != before
    with pytest.raises(InputError, match=r"`build.split_by` file"):
        open_documents(tmp_path, split_by="author")


@pytest.mark.parametrize("name", ["a.tex", "a.ipynb"])
def test_a_mark_before_utf_8_is_no_text(name: str) -> None:
    content = notebook(("markdown", "$x$")) if name == "a.ipynb" else "$x$"
    (row,) = source_of("s", [(name, b"\xef\xbb\xbf" + content.encode())]).read()
    assert isinstance(row, SourceFormula)
    assert row.formula == "x"


def test_latin_1_is_read_and_told_of(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_bytes(b"caf\xe9 $x$ \\[ \\text{\xe9} \\]")
    source = open_documents(tmp_path)
    assert [row.formula for row in source.read()] == ["x", r"\text{é}"]  # type: ignore[union-attr]
    assert source.remarks == ("Not UTF-8, so read as Latin-1: a.tex.",)


WORDS = r"""\newcommand \def \let \begin{align} \end{align} \begin{ \end \[ \] \( \) $$ $ { } [ ] #
#1 \f \f{ \verb| | % & \\ \\[ \begin{verbatim} ``` ` <!-- x 1 * = \ensuremath \DeclareMathOperator
\DeclarePairedDelimiter \newenvironment{f} \begin{f} \iffalse \left"""
PIECES = st.sampled_from([*WORDS.split(), "\n", " ", "\r", "\x00", "\ud800", "\n\n"])


@settings(max_examples=300)
@given(
    st.lists(PIECES | st.text(max_size=3), max_size=60), st.sampled_from([".tex", ".md", ".ipynb"])
)
def test_no_text_is_too_strange(pieces: list[str], suffix: str) -> None:
    text = "".join(pieces)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for source in (text, notebook(("markdown", text))):
        for row in read([SourceFile("a" + suffix, source)]):
            assert 1 <= row.line <= lines
            assert "\n" not in getattr(row, "formula", "")


@pytest.mark.parametrize(
    "part", ["$", "\\[", "{", "$${", "\\f{", "\\def\\f{", "`", "\n$", "\\begin{align}"]
)
def test_long_hostile_texts_take_no_time(part: str) -> None:
    text = "\\newcommand{\\f}[1]{\\[#1\\]}" + part * 1000
    for name in ("a.tex", "a.md"):
        assert len(list(read([SourceFile(name, text)]))) <= 1000


def test_real_formulas_come_out_of_a_text_as_they_went_in(real_data: Path) -> None:
    with gzip.open(real_data / "formulas" / "valid.tsv.gz", "rt", encoding="utf-8") as table:
        wanted = [line.rstrip("\n").split("\t")[2] for line in table][1:2001]
    own = "\\newcommand{\\R}{r}\\def\\be{\\begin{equation}}\\def\\ee{\\end{equation}}\n"
    text = own + "\n".join(f"costs \\$5 \\be {formula} \\ee % $no$" for formula in wanted)
    assert formulas(text) == [" ".join(formula.split()) for formula in wanted]
    text = "\n\n".join(f"costs $5, `$no$` $${formula}$$" for formula in wanted)
    assert formulas(text, "a.md") == [" ".join(formula.split()) for formula in wanted]
