"""The form an adjudicator decides with, and those of appeals: plain HTML forms, with or without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.actions import appeals
from annotation.actions.decisions import MAX_NOTE_CHARACTERS, NewDecision
from annotation.forms.ratings import LABEL_VALUES
from annotation.models import Decision, Ruling, Trace
from annotation.rules.draft import InvalidDraft, check_note
from annotation.rules.rating import Label, first_error

RULINGS = {"decide": Ruling.STEPS, "bad_problem": Ruling.BAD_PROBLEM}


class DecisionForm(forms.Form):
    """What is decided of one trace. Unbound it shows the current decision; bound, what was sent."""

    action = forms.ChoiceField(choices=[(name, name) for name in RULINGS])
    idempotency_key = forms.UUIDField(
        error_messages=dict.fromkeys(("required", "invalid"), "Reload the page and send it again.")
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE_CHARACTERS,
        error_messages={"max_length": f"A note has at most {MAX_NOTE_CHARACTERS:,} characters."},
    )
    makes_gold = forms.BooleanField(required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        trace: Trace,
        decision: Decision | None,
        is_gold: bool,
    ) -> None:
        super().__init__(data, initial={"note": decision.note if decision else "", "makes_gold": is_gold})
        self.trace = trace
        self._labels: tuple[Label, ...] = tuple(decision.labels) if decision else (None,) * trace.num_steps
        stored: dict[str, str] = decision.step_notes if decision else {}
        self._notes = {int(index): note for index, note in stored.items()}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._labels = tuple(self._read_label(index) for index in range(self.trace.num_steps))
        self._notes = self._read_notes()
        return cleaned

    @property
    def labels(self) -> tuple[Label, ...]:
        return self._labels

    def note_of(self, index: int) -> str:
        return self._notes.get(index, "")

    def as_decision(self) -> NewDecision:
        """What was sent; call it on a valid form. What lies behind the first error counts as not judged where the
        project stops there, as on the rating page."""
        labels = self._labels
        error = first_error(labels)
        if self.trace.project.stop_at_first_error and error is not None:
            labels = labels[: error + 1] + (None,) * (len(labels) - error - 1)
        return NewDecision(
            labels=labels,
            ruling=RULINGS[self.cleaned_data["action"]],
            note=self.cleaned_data["note"],
            step_notes=self._notes,
            makes_gold=self.cleaned_data["makes_gold"],
        )

    def _read_label(self, index: int) -> Label:
        text = self.data.get(f"label-{index}", "")
        if text not in LABEL_VALUES:
            self.add_error(
                None, f"Step {index + 1} is labelled {text!r:.40}; choose bad, neutral, good or not judged."
            )
            return None
        return LABEL_VALUES[text]

    def _read_notes(self) -> dict[int, str]:
        notes: dict[int, str] = {}
        for index in range(self.trace.num_steps):
            text = str(self.data.get(f"note-{index}", ""))
            try:
                text = check_note(text, index=index)
            except InvalidDraft as error:
                self.add_error(None, str(error))
            if text.strip():
                notes[index] = text
        return notes


class AppealForm(forms.Form):
    """Why a rater thinks that a decision on their work is wrong."""

    reason = forms.CharField(
        label=_("Why is the decision wrong?"),
        max_length=appeals.MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("An adjudicator reads it and answers. A decision can be appealed once."),
        error_messages={"required": _("Say why you think that the decision is wrong.")},
    )


class AnswerForm(forms.Form):
    """What an adjudicator answers."""

    answer = forms.CharField(
        label="Answer",
        max_length=appeals.MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Answer in a few words; the rater reads them."},
    )
