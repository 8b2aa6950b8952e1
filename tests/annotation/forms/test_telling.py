"""What the rules refuse is told in the person's language; in the code and in logs it stays English."""

from __future__ import annotations

from django.utils import translation

from annotation.actions.ratings import ReasonMissing
from annotation.forms.telling import tell
from annotation.rules.draft import InvalidDraft, check_note
from annotation.rules.messages import Said, marked
from annotation.rules.rating import Incomplete, check_labels


def refuse_labels() -> Incomplete:
    try:
        check_labels((1, None), 2, stop_at_first_error=True)
    except Incomplete as refusal:
        return refusal
    raise AssertionError("It was not refused.")


def test_a_rules_refusal_is_translated_with_its_values_in_place() -> None:
    refusal = refuse_labels()

    with translation.override("ar"):
        assert tell(refusal) == "لم تُقيَّم الخطوة 2 بعد."
    assert tell(refusal) == str(refusal) == "Step 2 is not judged yet."


def test_a_note_that_is_too_long_says_how_long_it_may_be() -> None:
    try:
        check_note("x" * 5_001, index=2)
    except InvalidDraft as refusal:
        with translation.override("ar"):
            assert tell(refusal) == "الملاحظة على الخطوة 3 أطول من 5,000 حرف."


def test_an_actions_refusal_is_told_as_it_is() -> None:
    assert tell(ReasonMissing("Say in a few words why.")) == "Say in a few words why."


def test_braces_that_somebody_sent_are_not_taken_for_names() -> None:
    assert (
        str(Said("There is no step '{0}' to say anything of."))
        == "There is no step '{0}' to say anything of."
    )
    assert str(Said(marked("Step {number} is bad."), number="{number}")) == "Step {number} is bad."
