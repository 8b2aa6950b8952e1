"""`report`: run folders as one HTML page that needs nothing else: settings, data, figures, warnings and plots of each.

Whatever stands in a folder is text: it is escaped, and plots are pictures, in which no script runs. Loads no torch.
"""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from rl_bridge import runs
from rl_bridge.errors import BridgeError

_TABLE_FILE = "table.md"
_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem }
h2 { font-size: 1.25rem; margin-top: 2.5rem; padding-top: 1rem;
  border-top: 1px solid var(--line) }
table { border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: left; white-space: nowrap }
figure { display: inline-block; margin: .5rem; background: #fff; border: 1px solid var(--line); border-radius: 6px }
figure img { max-width: 100%; display: block }
.note { background: var(--soft); padding: .5rem 1rem; border-radius: 6px }
details { margin: .75rem 0 } code { font-size: .9em; overflow-wrap: anywhere }
"""


class NoRun(BridgeError):
    """The folder is no run folder of ours."""


def write_report(target: Path, folders: Sequence[Path], *, title: str = "Runs") -> Path:
    """Write the page of some run folders, in their order. Raises `NoRun`."""
    sections = [write_run(folder) for folder in folders]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(write_page(title, sections), encoding="utf-8")
    return target


def write_page(title: str, sections: Sequence[str]) -> str:
    """A whole HTML page of sections that are HTML already."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    body = "\n".join(sections)
    top = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><h1>{escape(title)}</h1>'
    return f"{top}\n{body}\n</body></html>\n"


def write_run(folder: Path) -> str:
    """One run folder as a section. Raises `NoRun`."""
    config = _read_json(folder / runs.CONFIG_FILE)
    if config is None or "kind" not in config:
        raise NoRun(f"{folder} is no run folder: {runs.CONFIG_FILE} is missing or damaged.")
    data = _read_json(folder / runs.DATA_FILE) or {}
    parts = [f"<h2>{escape(folder.resolve().name)}: {escape(str(config['kind']))}</h2>"]
    if data.get("export"):
        told = f"{data['export']}, manifest SHA-256 {data.get('manifest_sha256', 'unknown')}"
        parts.append(f"<p>On the export <code>{escape(told)}</code></p>")
    parts += [f'<p class="note">{escape(line)}</p>' for line in _read_lines(folder / "warnings.txt")]
    table = folder / _TABLE_FILE
    if table.is_file():
        parts.append(write_markdown_table(table.read_text(encoding="utf-8")))
    metrics = _read_json(folder / runs.METRICS_FILE)
    if metrics:
        parts.append(write_table(["figure", "value"], [[name, f"{metrics[name]:.4g}"] for name in metrics]))
    parts += [write_plot(path) for path in sorted((folder / runs.PLOTS_FOLDER).glob("*.svg"))]
    parts.append(_fold("Settings", config))
    parts.append(_fold("Environment", _read_json(folder / "environment.json") or {}))
    return f"<section>{''.join(parts)}</section>"


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def write_markdown_table(text: str) -> str:
    """The tables of `evaluate`, a blank line between two."""
    tables = []
    for block in text.strip().split("\n\n"):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        rows = [line for line in lines[1:] if not set("".join(line)) <= set("-: ")]
        tables.append(write_table(lines[0], rows))
    return "".join(tables)


def write_plot(path: Path) -> str:
    """A plot as a picture inside the page."""
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img alt="{escape(path.stem)}" src="data:image/svg+xml;base64,{content}"></figure>'


def _fold(title: str, content: dict[str, Any]) -> str:
    rows = [
        [name, value if isinstance(value, str) else json.dumps(value)]
        for name, value in sorted(content.items())
    ]
    return f"<details><summary>{escape(title)}</summary>{write_table(['', ''], rows)}</details>"


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
