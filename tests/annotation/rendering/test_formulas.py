"""Formulas: what counts as one, what becomes of it, and what shows its source."""

import re
from pathlib import Path

import pytest

from annotation.rendering import render_markdown
from annotation.rendering.formula_limits import is_within_limits
from annotation.rendering.formulas import MATH_CLASSES
from tests.annotation.rendering.pages import read_page


def formulas_in(source: str) -> int:
    return len(read_page(render_markdown(source)).find("math"))


@pytest.mark.parametrize(
    "source",
    [
        "$x=2$ so y is 4",
        "a $x$.",
        r"\(x\)",
        r"\[x\]",
        "$$x$$",
        "$$\nx\n\n= 2\n$$",
        "\\[\nx\n\\]",
        r"so $$x$$ and more",
        r"\begin{align}a&=b\end{align}",
        "- $$x$$",
        "> \\[\n> x\n> \\]",
        r"$\$5 \times 3$",
        r"$$x$$.",
        "1. foo\n   $$\n   x\n   $$",
        r"$$\begin{matrix}\begin{matrix}1\end{matrix}\end{matrix}$$",
        "| $x$ |\n|-|",
    ],
)
def test_this_is_one_formula(source: str) -> None:
    assert formulas_in(source) == 1


@pytest.mark.parametrize(
    "source",
    [
        "It costs $5 and $6.",
        "from $5-$10",
        "$ x $",
        r"\$x$",
        "`$x$`",
        "```\n$x$\n```",
        "$x",
        "$$x",
        r"\[x",
        r"\(x",
        "5$x$",
    ],
)
def test_this_is_no_formula(source: str) -> None:
    assert formulas_in(source) == 0


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}{2}",
        r"\begin{aligned}a&=b\\c&=d\end{aligned}",
        r"\begin{cases}1&x>0\\0&\text{if $x<0$ holds}\end{cases}",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\boxed{\dfrac{\sqrt{2}}{3}}",
        r"\left(\sum_{i=1}^{n}\frac{i^2}{\sqrt{i+1}}\right)^2",
        r"\cancel{x}",
        r"\textbf{a}\textit{b}\texttt{c}\textsc{d}",
        r"\mathbb{R}\mathcal{L}\mathbf{v}",
        r"a\equiv b\pmod{3}",
        r"\begin{array}{|c|c|}\hline1&2\\\hline3&4\\\hline\end{array}",
        r"\int_0^\infty e^{-x^2}\,dx",
        r"\lim_{x\to0}\sin x",
        r"\underbrace{a+b}_{n}",
        r"\substack{a\\b}",
        r"\mbox{km}",
        r"\begin{split}a&=b\end{split}",
        r"\overline{AB}\cdot\vec{v}",
        r"[0,1) \cup (2,3]",
        "x\\!y",
        r"\textcolor{red}{x}",
    ],
)
def test_the_latex_of_traces_is_supported_without_inline_styles(latex: str) -> None:
    rendered = render_markdown(f"$${latex}$$")

    assert "<math" in rendered
    assert " style=" not in rendered
    assert "math-source" not in rendered


def test_all_text_of_a_formula_survives() -> None:
    text = read_page(render_markdown(r"$$\textbf{bold} \text{a < b} \texttt{code} x$$")).text

    assert text.split() == ["bolda", "<", "bcodex"]


def test_an_unsupported_formula_shows_its_source_with_its_delimiters() -> None:
    for source in (r"$\foo{x}$", r"\[\foo\]", r"$$\begin{tikzpicture}\end{tikzpicture}$$", r"\(\frac{1\)"):
        page = read_page(render_markdown(source))

        assert page.text.strip() == source
        assert page.find("code")[0].attributes["class"] == "math-source"


@pytest.mark.parametrize("latex", [r"\quad", r"{}", r"\\", r"\nonumber"])
def test_a_formula_that_shows_nothing_shows_its_source(latex: str) -> None:
    assert read_page(render_markdown(f"$${latex}$$")).text.strip() == f"$${latex}$$"


def test_a_percent_sign_is_no_comment() -> None:
    assert read_page(render_markdown("$50% of 30 = 15$")).text.strip().endswith("=15")
    assert read_page(render_markdown(r"$50\%$")).text.strip() == "50%"


def test_line_breaks_outside_an_environment_break_the_line() -> None:
    assert len(read_page(render_markdown(r"$$a=b \\ c=d$$")).find("mtr")) == 2
    assert len(read_page(render_markdown(r"$$a&=b \\ c&=d$$")).find("mtr")) == 2


def test_environments_get_no_numbers_that_nobody_wrote() -> None:
    assert "(1)" not in read_page(render_markdown(r"\begin{align}a&=b\end{align}")).text
    assert "(7)" in read_page(render_markdown(r"\begin{align}a&=b \tag{7}\end{align}")).text


def test_alignment_becomes_classes_that_the_stylesheet_knows() -> None:
    page = read_page(render_markdown(r"$$\begin{aligned}a&=b\end{aligned}$$"))

    assert [cell.attributes["class"] for cell in page.find("mtd")] == [
        "to-right flush-right",
        "to-left flush-left",
    ]


def test_a_final_line_closes_the_table_instead_of_opening_a_row() -> None:
    page = read_page(render_markdown(r"$$\begin{array}{|c|}\hline 1\\\hline\end{array}$$"))

    assert len(page.find("mtr")) == 1
    assert "solid-bottom" in page.find("mtable")[0].attributes["class"]


def test_a_space_that_would_push_text_off_the_page_is_not_drawn() -> None:
    assert "math-source" in render_markdown(r"$\hspace{500em}x$")
    assert "math-source" in render_markdown(r"$\hspace{-50em}x$")


def test_every_class_of_a_formula_has_a_rule_in_the_stylesheet() -> None:
    stylesheet = Path(__file__).resolve().parents[3] / "static" / "css" / "rendered.css"
    known = set(re.findall(r"\.([a-z][\w-]*)", stylesheet.read_text(encoding="utf-8")))

    assert known >= MATH_CLASSES


@pytest.mark.parametrize(
    ("latex", "is_fine"),
    [
        (r"\left(\frac{a}{b}\right)" * 40, True),
        ("[0,1)" * 8, True),
        (r"\bigl(a\bigr)" * 30, True),
        ("(a)" * 200, True),
        (r"\langle a \rangle" * 30, True),
        (r"\alpha\beta\gamma\delta\cdot\pi", True),
        (r"\frac12+" * 60, True),
        ("{" * 21 + "}" * 21, False),
        ("(" * 11, False),
        ("f(" * 11, False),
        (r"\hat" * 13, False),
        ("x" * 4001, False),
        (r"\newcommand{\a}{b}", False),
        (r"\defx", True),
        (r"{(}" * 11, False),
        (r"\pmod\hat", False),
        (r"\pmod 5", True),
        (r"\overset{a}" * 13 + r"\b", False),
        (r"\\{" * 21, False),
    ],
)
def test_limits_let_formulas_through_and_keep_bombs_out(latex: str, is_fine: bool) -> None:
    assert is_within_limits(latex) == is_fine


@pytest.mark.parametrize(
    "latex",
    [
        r"\hspace{-4em} x",
        r"\hspace{-2em}\hspace{-2em} x",
        r"\!" * 20 + "x",
        r"\kern-4em x",
        r"x\hspace{21em}y",
    ],
)
def test_a_formula_that_would_lie_over_what_stands_before_it_shows_its_source(latex: str) -> None:
    page = read_page(render_markdown(f"${latex}$"))

    assert page.find("math") == []
    assert page.text.strip() == f"${latex}$"


@pytest.mark.parametrize("latex", [r"\int\!\!\!\int f", r"x\hspace{-1em}y", r"x\qquad\qquad y"])
def test_a_little_space_back_is_mathematics(latex: str) -> None:
    assert formulas_in(f"${latex}$") == 1
