"""JavaScript modules joined into one file: each once, in order, and only what the joiner surely understands."""

from __future__ import annotations

import pytest

from config.modules import CannotJoin, join_modules


def join(name: str, **modules: str) -> str:
    return join_modules(name, lambda file: modules[file.removesuffix(".js")])


def test_what_is_imported_stands_before_what_needs_it_and_only_once() -> None:
    joined = join(
        "page.js",
        page='import { a } from "./one.js";\nimport { b } from "./two.js";\nstart(a, b);\n',
        one='import { b } from "./two.js";\nexport const a = b;\n',
        two="export const b = 2;\nexport class C {}\nexport async function f() {}\n",
    )

    assert joined == "const b = 2;\nclass C {}\nasync function f() {}\nconst a = b;\nstart(a, b);\n"


def test_the_frames_module_stays_a_module_of_its_own() -> None:
    joined = join(
        "page.js",
        page='import { gettext } from "./frame.js";\nimport { a } from "./one.js";\ngettext(a);\n',
        one='import { gettext, ngettext } from "./frame.js";\nexport const a = ngettext;\n',
    )

    assert joined.startswith('import { gettext, ngettext } from "./frame.js";\n')
    assert joined.count("import") == 1


def test_the_frames_module_keeps_what_others_import() -> None:
    assert join("frame.js", frame="export const a = 1;\n") == "export const a = 1;\n"


def test_words_inside_texts_and_blocks_are_left_alone() -> None:
    source = '// import { x } from "./gone.js"\nfunction f() {\n  const [a] = [1];\n  return "export const a";\n}\n'

    assert join("page.js", page=source) == source


ONE = 'import { a } from "./one.js";\n'


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ({"page": f"{ONE}const b = 1;\n", "one": "export const a = 1;\nlet b;\n"}, "both declare b"),
        ({"page": ONE, "one": 'import { b } from "./page.js";\nexport const a = b;\n'}, "imports itself"),
        ({"page": "export default 1;\n"}, "export default 1;"),
        ({"page": 'import * as all from "./one.js";\n'}, "can't be joined"),
        ({"page": "const { a } = b;\n"}, "can't be joined"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_name(modules: dict[str, str], said: str) -> None:
    with pytest.raises(CannotJoin, match=said) as refused:
        join("page.js", **modules)
    assert ".js" in str(refused.value)
