"""What a model wrote is hostile: nothing of it runs, loads, navigates, styles, names or hides."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rendering import render_markdown
from tests.annotation.rendering.pages import read_page

ALLOWED_ATTRIBUTES = {
    "class",
    "dir",
    "tabindex",
    "start",
    "display",
    "displaystyle",
    "scriptlevel",
    "notation",
    "linethickness",
    "mathvariant",
    "form",
    "largeop",
    "lspace",
    "rspace",
    "maxsize",
    "minsize",
    "movablelimits",
    "stretchy",
    "symmetric",
    "accent",
    "accentunder",
    "width",
}
FORBIDDEN_TAGS = {
    "a",
    "img",
    "svg",
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "button",
    "link",
}
FORBIDDEN_TAGS |= {
    "meta",
    "base",
    "audio",
    "video",
    "source",
    "area",
    "map",
    "template",
    "slot",
    "details",
    "dialog",
}
FORBIDDEN_TAGS |= {
    "maction",
    "mglyph",
    "annotation",
    "annotation-xml",
    "semantics",
    "foreignobject",
    "title",
    "textarea",
}

CORPUS = {
    "script": "<script>alert(1)</script>",
    "script in a list": "- <script>alert(1)</script>\n- x",
    "broken script": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "image": '<img src=x onerror="alert(1)">',
    "markdown image": '![x](http://evil.example/p.png "onerror=alert(1)")',
    "markdown link": "[x](javascript:alert(1))",
    "data link": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "autolink": "<javascript:alert(1)>",
    "reference link": "[x][1]\n\n[1]: javascript:alert(1)",
    "svg": "<svg onload=alert(1)><use href='data:x'/></svg>",
    "mathml action": '<math><maction actiontype="statusline#http://x" href="javascript:alert(1)">x</maction></math>',
    "mathml link": '<math href="javascript:alert(1)"><mi xlink:href="javascript:alert(1)">x</mi></math>',
    "mutation": "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "style element": "<style>*{background:url(//evil.example)}</style>",
    "style attribute": '<p style="position:fixed;inset:0">x</p>',
    "css in a table": "|a|\n|:-:}</style><script>|\n|b|",
    "event": '<p onclick="alert(1)">x</p>',
    "clobbering": '<form id=forms name=csrfmiddlewaretoken><input name=attributes class="primary-button">',
    "clobbering in markdown": "# x {#csrf .admin}\n\n[x](#top){.danger}",
    "iframe": '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "comment": "<!-- hidden --> <![CDATA[ x ]]> <?php x ?>",
    "template": "{{ request.user }} {% debug %} ${7*7} <%= 7*7 %>",
    "href in latex": r"$\href{javascript:alert(1)}{x}$ and $$\url{javascript:alert(1)}$$",
    "html in latex text": r"$\text{<img src=x onerror=alert(1)>}$ $\text{</math><script>alert(1)</script>}$",
    "html in latex": r"$<img src=x onerror=alert(1)>$ \(<script>\)",
    "class in latex": r"$\class{admin}{x} \cssId{csrf}{x} \style{color:red}{x}$",
    "label in latex": r"\begin{align} a \label{csrf} \end{align} $\eqref{csrf}$",
    "fence language": '```"><script>alert(1)</script>\nx\n```',
    "code": "`<script>alert(1)</script>`",
    "highlighted": "```html\n<script>alert(1)</script><a href=x onclick=y>\n```",
    "nul": "a\0b<scr\0ipt>",
    "ansi": "\x1b[31mred\x1b]8;;http://evil.example\x07x",
    "surrogate": "a\ud800b",
    "entities": "&#60;script&#62; &lt;script&gt; &#8238;",
    "quotes": "\" ' ` > <",
}


def assert_harmless(source: str) -> None:
    page = read_page(render_markdown(source))

    assert not page.tags() & FORBIDDEN_TAGS
    for element in page.elements:
        assert element.attributes.keys() <= ALLOWED_ATTRIBUTES, element
        for name, value in element.attributes.items():
            assert "script" not in value and "http" not in value and "url" not in value, (name, value)


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_comes_out_harmless_and_visible(name: str) -> None:
    assert_harmless(CORPUS[name])
    assert read_page(render_markdown(CORPUS[name])).text.strip()


@pytest.mark.parametrize(
    "outer", ["> {}", "- {}", "1. {}", "# {}", "**{}**", "|a|\n|-|\n|{}|", "[{}](x)", "$$ {} $$", "*{}"]
)
@pytest.mark.parametrize(
    "name", ["script", "image", "svg", "mutation", "style attribute", "nul", "href in latex"]
)
def test_hostile_text_stays_harmless_inside_markdown(outer: str, name: str) -> None:
    assert_harmless(outer.replace("{}", CORPUS[name]))


FRAGMENTS = [
    *CORPUS.values(),
    "$",
    "$$",
    "\\[",
    "\\]",
    "\\(",
    "`",
    "```\n",
    "\n",
    "\n\n",
    "|",
    "- ",
    "> ",
    "<",
    ">",
    '"',
    "\\",
    "](",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join) | st.text(max_size=80))
def test_any_mixture_comes_out_harmless_and_never_raises(source: str) -> None:
    assert_harmless(source)


def test_template_syntax_is_shown_as_written() -> None:
    assert read_page(render_markdown("{{ user }} {% debug %}")).text.strip() == "{{ user }} {% debug %}"


def test_a_link_shows_where_it_would_lead_and_leads_nowhere() -> None:
    page = read_page(render_markdown('[text](http://evil.example/a "title") ![pic](http://x/y.png)'))

    assert "a" not in page.tags() and "img" not in page.tags()
    for shown in ("text", "http://evil.example/a", "title", "pic", "http://x/y.png"):
        assert shown in page.text


def test_a_link_definition_is_text_since_markdown_would_hide_it() -> None:
    assert "[1]: http://x" in read_page(render_markdown("See [1].\n\n[1]: http://x")).text


@pytest.mark.parametrize(
    "code", [0x202E, 0x202A, 0x2066, 0x2069, 0x200B, 0xFEFF, 0x2060, 0xAD, 0x1B, 0x07, 0x9B, 0xE0041]
)
def test_a_deceiving_character_is_shown_as_its_code(code: int) -> None:
    for source in (
        f"x{chr(code)}y",
        f"`x{chr(code)}y`",
        f"```\nx{chr(code)}y\n```",
        f"$\\text{{x{chr(code)}y}}$",
    ):
        rendered = render_markdown(source)

        assert chr(code) not in rendered
        assert f"U+{code:04X}" in rendered


def test_characters_that_scripts_need_are_left_alone() -> None:
    text = "می\u200cخواهم 👩\u200d👩\u200d👧 a\u200eb"

    assert read_page(render_markdown(text)).text.strip() == text


def test_nul_is_shown_as_its_picture() -> None:
    assert "a␀b" in read_page(render_markdown("a\0b")).text


def test_colours_and_phantoms_cannot_hide_text_in_a_formula() -> None:
    assert "style" not in render_markdown(r"$\color{white} secret$")
    assert r"\phantom{secret}" in read_page(render_markdown(r"$\phantom{secret}$")).text
    assert "secret" in read_page(render_markdown("$$50% secret$$")).text.replace("\n", "")


@pytest.mark.parametrize(
    "source",
    [
        "> " * 5_000 + "end",
        "- " * 5_000 + "end",
        "[" * 10_000 + "end" + "]" * 10_000,
        "*" * 10_000 + "end" + "*" * 10_000,
        "".join("  " * level + "- a\n" for level in range(150)) + "end",
        "$" + "{" * 3_000 + "end" + "}" * 3_000 + "$",
        "![" * 2_000 + "end",
    ],
)
def test_deep_nesting_loses_nothing_and_does_not_crash(source: str) -> None:
    rendered = render_markdown(source)

    assert "end" in read_page(rendered).text


FATAL = [
    "'{' * 100_000",
    r"'\\frac{1}' * 900",
    r"'\\hat ' * 900",
    "'(' * 300",
    "'f(' * 300",
    "'( [ ' * 300",
    r"'\\left(' * 400",
    r"'\\begin{matrix}' * 250",
    r"'\\sqrt' * 700 + ' x'",
    r"'\\pmod \\xrightarrow ' * 60",
    r"'\\sin(' * 200",
    r"'{(}' * 200",
    r"'\\bigl|' * 200",
    r"'\\def\\a{\\a\\a}\\a'",
    r"'\\def\\a{xxxxxxxxxx}' + '\\a' * 900",
    r"'x_{x^{' * 400",
    r"'\\frac1' * 500",
]


def test_formulas_that_would_end_or_stall_the_process_show_their_source() -> None:
    """In a process of its own, since what is guarded against kills it or never returns; it names each formula first."""
    program = "from annotation.rendering import render_markdown\n" + "".join(
        f"print({formula!r}, flush=True)\n"
        f"assert '<math' not in render_markdown('$' + ({formula}).strip() + '$')\n"
        for formula in FATAL
    )

    done = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]} {done.stderr}"
    assert done.stdout.splitlines() == FATAL
