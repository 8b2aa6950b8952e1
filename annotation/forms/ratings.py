"""The rating form: one plain HTML form, with or without JavaScript.

A trace of 2,000 steps has 4,000 fields, so the fields of steps (`label-<i>`, `note-<i>`) are read from the data in
one pass rather than built as Django fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from django import forms
from django.utils.translation import gettext, gettext_lazy

from annotation.actions.ratings import MAX_REASON_CHARACTERS, NewRating
from annotation.forms.telling import tell
from annotation.models import Outcome, Trace
from annotation.queries.judge_opinions import JudgeOpinion
from annotation.rules.draft import Draft, InvalidDraft, check_category, check_note, check_rewrite
from annotation.rules.rating import Label, first_error
from annotation.rules.segmentation import split_steps
from annotation.rules.step_row import StepRow

LABEL_VALUES: Mapping[str, Label] = {"-1": -1, "0": 0, "1": 1, "": None}
OUTCOMES = {"submit": Outcome.RATED, "bad_problem": Outcome.BAD_PROBLEM, "give_up": Outcome.GIVE_UP}
ACTIONS = [(action, action) for action in (*OUTCOMES, "save", "skip")]


class _Shared(dict[str, forms.Field]):
    """Fields that no form changes: Django copies them for each form, which is a twentieth of a rating's cost."""

    def __deepcopy__(self, memo: object) -> Self:
        return self


class RatingForm(forms.Form):
    """What a rater says of one trace. Unbound it shows `draft`; bound it shows what was sent."""

    action = forms.ChoiceField(
        choices=ACTIONS,
        error_messages={
            "required": gettext_lazy("Choose what to do with the rating."),
            "invalid_choice": gettext_lazy("There is no such button."),
        },
    )
    idempotency_key = forms.UUIDField(
        error_messages=dict.fromkeys(
            ("required", "invalid"), gettext_lazy("Reload the page and send it again.")
        )
    )
    base_revision = forms.IntegerField(min_value=0, required=False)
    shown = forms.CharField(required=False)  # what a script shows by now: the assignment leased ahead
    active_seconds = forms.FloatField(min_value=0, max_value=1e7, required=False)
    is_reference_wrong = forms.BooleanField(required=False)
    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON_CHARACTERS,
        error_messages={"max_length": f"A reason has at most {MAX_REASON_CHARACTERS:,} characters."},
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, trace: Trace, draft: Draft) -> None:
        super().__init__(data)
        self.trace = trace
        self._labels = draft.labels
        self._notes, self._rewrites = dict(draft.notes), dict(draft.rewrites)
        self._categories = dict(draft.error_categories)
        self._draft = draft

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        num_steps = self.trace.num_steps
        self._labels = tuple(self._read_label(index) for index in range(num_steps))
        self._notes = self._read_texts("note", check_note)
        self._categories = self._read_texts("category", check_category)
        self._rewrites = self._read_texts("rewrite", check_rewrite)
        return cleaned

    def as_rating(self) -> NewRating:
        """What was sent, as a rating; call it on a valid form."""
        return NewRating(
            labels=self._labels,
            outcome=OUTCOMES[self.cleaned_data["action"]],
            reason=self.cleaned_data["reason"],
            notes=self._notes,
            error_categories=self._categories,
            rewrites=self._rewrites,
            is_reference_wrong=self.cleaned_data["is_reference_wrong"],
            active_seconds=self.cleaned_data["active_seconds"] or 0.0,
        )

    def as_draft(self) -> Draft:
        """What was sent, as a draft; call it on a valid form. Each rendering of the page is a writer of its own."""
        return Draft(
            labels=self._labels,
            notes=self._notes,
            error_categories=self._categories,
            rewrites=self._rewrites,
            is_reference_wrong=self.cleaned_data["is_reference_wrong"],
            active_seconds=self.cleaned_data["active_seconds"] or self._draft.active_seconds,
        )

    @property
    def labels(self) -> tuple[Label, ...]:
        """As the page shows them."""
        return self._labels

    @property
    def categories(self) -> dict[int, str]:
        """As the page shows them."""
        return self._categories

    @property
    def shown_reference_wrong(self) -> bool:
        return bool(self.data.get("is_reference_wrong")) if self.is_bound else self._draft.is_reference_wrong

    def list_rows(self, opinions: Sequence[JudgeOpinion] = ()) -> list[StepRow]:
        error = first_error(self._labels) if self.trace.project.stop_at_first_error else None
        return [
            StepRow(
                index=index,
                text=text,
                label=self._labels[index],
                note=self._notes.get(index, ""),
                category=self._categories.get(index, ""),
                rewrite=self._rewrites.get(index, ""),
                is_after_error=error is not None and index > error,
                opinions=tuple(
                    (opinion.judge, opinion.probabilities[index], opinion.rationales[index])
                    for opinion in opinions
                ),
            )
            for index, text in enumerate(split_steps(self.trace.completion, self.trace.step_ends))
        ]

    def _read_label(self, index: int) -> Label:
        text = self.data.get(f"label-{index}", "")
        if text not in LABEL_VALUES:
            self.add_error(
                None,
                gettext("Step %(number)d is labelled %(label)s; choose bad, neutral, good or not judged.")
                % {"number": index + 1, "label": f"{text!r:.40}"},
            )
            return None
        return LABEL_VALUES[text]

    def _read_texts(self, name: str, check: Callable[..., str]) -> dict[int, str]:
        """The texts in the fields `name`-0, `name`-1, … without the empty ones. What is refused stays on the page."""
        texts: dict[int, str] = {}
        for index in range(self.trace.num_steps):
            text = str(self.data.get(f"{name}-{index}", ""))
            try:
                text = check(text, index=index)
            except InvalidDraft as error:
                self.add_error(None, tell(error))
            if text.strip():
                texts[index] = text
        return texts


RatingForm.base_fields = _Shared(RatingForm.base_fields)
