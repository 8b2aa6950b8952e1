"""What each config's columns and rows must be for its trainer. Needs pyarrow, not torch.

The columns are TRL's (see `docs/engineers.md`).
"""

from collections.abc import Callable
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from rl_bridge.manifest import ExportError
from rl_bridge.verifiers import VERIFIERS

IGNORED = -100
_MESSAGE_FIELDS = {"role", "content"}
_RESERVED = {"prompts", "completions", "input_ids", "chosen_ids", "rejected_ids"}
"""Column names that TRL's trainers take for their own; `completions` belongs to stepwise data only."""


class BadColumn(ExportError):
    """A column is missing, of the wrong type, or has a name that a trainer would misread."""


class BadRow(ExportError):
    """A row holds a value that no trainer should see; the text names file, row and value."""


def check_rows(name: str, config: str, table: pa.Table) -> None:
    """Check columns and rows of a config's table. Raises `BadColumn` or `BadRow`, naming `name` and the row."""
    if config != "evidence":
        _refuse_reserved(name, config, table)
    _CHECKS[config](name, table)


def _check_stepwise(name: str, table: pa.Table) -> None:
    _require_columns(name, table, prompt=_is_prompt, completions=_is_text_list, labels=_is_label_list)
    _require_no_nulls(name, table, "prompt", "completions", "labels")
    steps, labels = _whole(table, "completions"), _whole(table, "labels")
    num_steps = pc.list_value_length(steps)
    _refuse(name, pc.equal(num_steps, 0), "has no steps")
    _refuse(
        name, pc.not_equal(num_steps, pc.list_value_length(labels)), "has more labels than steps, or fewer"
    )
    _refuse_items(name, steps, pc.equal(pc.list_flatten(steps), ""), "an empty step")
    allowed = pc.is_in(pc.list_flatten(labels).cast(pa.int64()), value_set=pa.array([1, 0, IGNORED]))
    _refuse_items(name, labels, pc.invert(allowed), "a label that is not 1, 0 or -100")
    if "probabilities" in table.column_names:
        _require_columns(name, table, probabilities=_is_float_list)
        _require_no_nulls(name, table, "probabilities")
        p = _whole(table, "probabilities")
        _refuse(
            name,
            pc.not_equal(num_steps, pc.list_value_length(p)),
            "has more probabilities than steps, or fewer",
        )
        flat = pc.list_flatten(p)
        inside = pc.and_(pc.greater_equal(flat, 0.0), pc.less_equal(flat, 1.0))
        _refuse_items(name, p, pc.invert(pc.fill_null(inside, False)), "a probability outside 0 to 1")


def _check_pairs(name: str, table: pa.Table) -> None:
    _require_columns(name, table, prompt=_is_prompt, chosen=_is_prompt, rejected=_is_prompt)
    _require_no_nulls(name, table, "prompt", "chosen", "rejected")
    _require_one_form(name, table, "prompt", "chosen", "rejected")
    if "margin" in table.column_names:
        _require_columns(name, table, margin=pa.types.is_floating)
        _require_no_nulls(name, table, "margin")
        _refuse(name, pc.invert(pc.is_finite(_whole(table, "margin"))), "has a margin that is no number")
    same = [a == b for a, b in zip(table["chosen"].to_pylist(), table["rejected"].to_pylist(), strict=True)]
    _refuse(name, pa.array(same, pa.bool_()), "prefers a completion to itself")


def _check_unpaired(name: str, table: pa.Table) -> None:
    # KTO reads any number that isn't zero as desirable, -1 too, so only real booleans pass.
    _require_columns(name, table, prompt=_is_prompt, completion=_is_prompt, label=pa.types.is_boolean)
    _require_no_nulls(name, table, "prompt", "completion", "label")
    _require_one_form(name, table, "prompt", "completion")


def _check_sft(name: str, table: pa.Table) -> None:
    _require_columns(name, table, prompt=_is_prompt, completion=_is_prompt)
    _require_no_nulls(name, table, "prompt", "completion")
    _require_one_form(name, table, "prompt", "completion")


def _check_prompts(name: str, table: pa.Table) -> None:
    _require_columns(name, table, prompt=_is_prompt, ground_truth=is_text, verifier=is_text)
    _require_no_nulls(name, table, "prompt", "ground_truth", "verifier")
    if "prompt_id" not in table.column_names:
        raise BadColumn(f"{name} has no column 'prompt_id'; it has {', '.join(table.column_names)}.")
    asked = zip(table["verifier"].to_pylist(), table["ground_truth"].to_pylist(), strict=True)
    for row, (verifier, truth) in enumerate(asked):
        if verifier and verifier not in VERIFIERS:
            raise BadRow(
                f"{name}, row {row}: no verifier is named {verifier!r}; there are {', '.join(VERIFIERS)}."
            )
        if verifier and not truth.strip():
            raise BadRow(
                f"{name}, row {row}: the verifier {verifier} needs a reference answer, and it has none."
            )


def _check_evidence(name: str, table: pa.Table) -> None:
    """Evidence is for people and audits; no trainer reads it, so its columns are free."""


_CHECKS: dict[str, Callable[[str, pa.Table], None]] = {
    "stepwise": _check_stepwise,
    "preference": _check_pairs,
    "step_preference": _check_pairs,
    "unpaired_preference": _check_unpaired,
    "sft": _check_sft,
    "prompts": _check_prompts,
    "evidence": _check_evidence,
}


def _refuse_reserved(name: str, config: str, table: pa.Table) -> None:
    own = {"completions"} if config == "stepwise" else set()
    for column in sorted(_RESERVED.intersection(table.column_names) - own):
        raise BadColumn(f"{name} has a column {column!r}, a name that trainers take for their own.")


def _require_columns(name: str, table: pa.Table, **columns: Callable[[pa.DataType], bool]) -> None:
    for column, is_right in columns.items():
        if column not in table.column_names:
            raise BadColumn(f"{name} has no column {column!r}; it has {', '.join(table.column_names)}.")
        found = table.schema.field(column).type
        if not is_right(found):
            raise BadColumn(f"{name}: the column {column!r} holds {found}, which its trainer can't read.")


def _require_no_nulls(name: str, table: pa.Table, *columns: str) -> None:
    for column in columns:
        if table[column].null_count:
            row = pc.index(table[column].is_null(), True).as_py()
            raise BadRow(f"{name}, row {row}: {column!r} is empty (null).")
        if _is_list(table.schema.field(column).type, _is_message):
            _require_whole_messages(name, column, _whole(table, column))


def _require_whole_messages(name: str, column: str, talks: pa.Array) -> None:
    """A chat template fails on a message without role or content, and on no message at all."""
    _refuse(name, pc.equal(pc.list_value_length(talks), 0), f"has no message in {column!r}")
    messages = pc.list_flatten(talks)
    fields = (pc.struct_field(messages, field) for field in sorted(_MESSAGE_FIELDS))
    is_bad = reduce(pc.or_, (field.is_null() for field in fields), messages.is_null())
    _refuse_items(name, talks, is_bad, f"a message without role or content in {column!r}")


def _require_one_form(name: str, table: pa.Table, *columns: str) -> None:
    forms = {column: is_text(table.schema.field(column).type) for column in columns}
    if len(set(forms.values())) > 1:
        text = ", ".join(column for column, is_text in forms.items() if is_text)
        raise BadColumn(
            f"{name}: {text} is text while the other columns are messages; all must have one form."
        )


def _refuse(name: str, is_bad: pa.Array, what: str) -> None:
    row = pc.index(is_bad, True).as_py()
    if row >= 0:
        raise BadRow(f"{name}, row {row} {what}.")


def _refuse_items(name: str, lists: pa.Array, is_bad: pa.Array, what: str) -> None:
    position = pc.index(pc.fill_null(is_bad, True), True).as_py()
    if position >= 0:
        row = pc.list_parent_indices(lists)[position].as_py()
        value = pc.list_flatten(lists)[position].as_py()
        raise BadRow(f"{name}, row {row} has {what}: {value!r}.")


def _whole(table: pa.Table, column: str) -> pa.Array:
    combined = table[column].combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType, is_item: Callable[[pa.DataType], bool]) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind)) and is_item(kind.value_type)


def _is_message(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and {field.name for field in kind} == _MESSAGE_FIELDS


def _is_prompt(kind: pa.DataType) -> bool:
    return is_text(kind) or _is_list(kind, _is_message)


def _is_text_list(kind: pa.DataType) -> bool:
    return _is_list(kind, is_text)


def _is_label_list(kind: pa.DataType) -> bool:
    return _is_list(kind, lambda item: bool(pa.types.is_integer(item) or pa.types.is_boolean(item)))


def _is_float_list(kind: pa.DataType) -> bool:
    return _is_list(kind, lambda item: bool(pa.types.is_floating(item)))
