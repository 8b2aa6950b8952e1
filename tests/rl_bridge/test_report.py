"""`report`: run folders on one page that needs nothing else, and runs nothing."""

import json
from pathlib import Path

import pytest

from rl_bridge import __main__, report

HOSTILE = "<script>alert(1)</script>"


def write_run(folder: Path, **files: str) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"kind": "prm", "seed": 7, "model": HOSTILE}))
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


def test_a_run_is_shown_with_its_data_figures_warnings_and_plots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(
        tmp_path / "prm-1",
        data__json=json.dumps({"export": "sums 7 (abc)", "manifest_sha256": "f" * 64}),
        metrics__json=json.dumps({"test_auc": 0.91234}),
        warnings__txt="3 prompts cut on the left.\n",
    )
    (run / "plots").mkdir()
    (run / "plots" / "loss.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")

    assert __main__.main(["report", str(run), "--out", str(tmp_path / "page.html"), "--title", "A & B"]) == 0

    page = (tmp_path / "page.html").read_text()
    for words in ("prm-1: prm", "sums 7 (abc)", "0.9123", "3 prompts cut on the left.", "A &amp; B", "loss"):
        assert words in page
    assert "data:image/svg+xml;base64," in page
    assert str(tmp_path / "page.html") in capsys.readouterr().out


def test_what_stands_in_a_folder_is_text(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", warnings__txt=HOSTILE, table__md=f"| {HOSTILE} |\n| --- |\n| a |\n")

    page = report.write_report(tmp_path / "page.html", [run], title=HOSTILE).read_text()

    assert HOSTILE not in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")  # nothing is loaded from anywhere


def test_the_tables_of_an_evaluation_stand_as_tables(tmp_path: Path) -> None:
    table = (
        "|  | a | b |\n| --- | --- | --- |\n| pass@1 | 0.1 |  |\n\n| judge | F1 |\n| --- | --- |\n| x | 1 |\n"
    )

    html = report.write_markdown_table(table)

    assert html.count("<table>") == 2
    assert "<tr><td>pass@1</td><td>0.1</td><td></td></tr>" in html
    assert "---" not in html


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_another_folder_is_refused_in_one_sentence(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)

    assert __main__.main(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 2

    assert "is no run folder" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_several_runs_stand_in_the_order_given(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name) for name in ("second", "first")]

    page = report.write_report(tmp_path / "page.html", folders).read_text()

    assert page.index("second: prm") < page.index("first: prm")
