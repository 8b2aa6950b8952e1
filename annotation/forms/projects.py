"""A new project, and the settings of one."""

from __future__ import annotations

import dataclasses
from typing import Any

from django import forms

from annotation.actions.projects import ProjectSettings
from annotation.models import Project
from annotation.rules.error_categories import MAX_CATEGORIES, InvalidCategories, parse_categories


class NewProjectForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="What raters see first: “Grade-school sums”.")
    slug = forms.SlugField(
        label="Address",
        max_length=60,
        help_text="The last part of its web address: small letters, digits and hyphens. It can't be changed later.",
    )
    description = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One or two sentences.",
    )

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()


class ProjectSettingsForm(forms.Form):
    """Every setting of a project, with one sentence on what it does."""

    GROUPS = (
        ("What it is", ("name", "description", "guidelines")),
        ("Who rates what", ("overlap", "forbids_own_prompts", "lease_minutes", "amend_minutes")),
        ("Gold", ("gold_percent", "gold_threshold_percent", "gold_window", "shows_gold_accuracy")),
        ("How steps are rated", ("stop_at_first_error", "can_rate_rest_good", "error_categories")),
        ("What judges see", ("judges_see_reference",)),
        ("What raters see", ("shows_reference", "shows_scores_after", "shows_decisions", "assisted_percent")),
        ("What is kept for how long", ("uploads_kept_days", "dry_runs_kept_days")),
    )

    name = forms.CharField(max_length=120)
    description = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Shown on the list of projects.",
    )
    guidelines = forms.CharField(
        required=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="Markdown, shown beside every trace: what counts as good, neutral and bad here.",
    )
    overlap = forms.IntegerField(
        label="Raters for each trace",
        min_value=1,
        max_value=50,
        help_text="1 to 50. Two or more blind raters make a label count as human evidence; a change applies at once.",
    )
    lease_minutes = forms.IntegerField(
        label="Lease, in minutes",
        min_value=1,
        max_value=24 * 60,
        help_text="How long a trace stays with a rater who does nothing; their draft is kept when it runs out.",
    )
    amend_minutes = forms.IntegerField(
        label="Time to amend, in minutes",
        min_value=0,
        max_value=30 * 24 * 60,
        help_text="How long after submitting a rater may amend a rating; 0 for never.",
    )
    stop_at_first_error = forms.BooleanField(
        label="Stop at the first bad step",
        required=False,
        help_text="Later steps stay not judged. Off: raters go on, and steps after an error may stand again.",
    )
    can_rate_rest_good = forms.BooleanField(
        label="One key rates all remaining steps good",
        required=False,
        help_text="Saves time on right traces; off makes raters look at each step.",
    )
    error_categories = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 9}),
        help_text=f"One a line, at most {MAX_CATEGORIES}, in the order raters see: the first nine have a digit each. "
        "Empty: raters are not asked.",
    )
    judges_see_reference = forms.BooleanField(
        label="Judges may see the reference answer",
        required=False,
        help_text="Those that are made to. Off: none of them is told it, whatever it is made for.",
    )
    shows_reference = forms.BooleanField(
        label="Show the reference answer",
        required=False,
        help_text="Raters see it beside the prompt. It is a best guess, and they can say that it is wrong.",
    )
    shows_scores_after = forms.BooleanField(
        label="Show judge scores after submitting",
        required=False,
        help_text="Raters see what the judges thought once their own rating is in.",
    )
    shows_decisions = forms.BooleanField(
        label="Show decisions to the trace’s raters",
        required=False,
        help_text="Raters see what an adjudicator decided of the traces they rated, and may appeal each once. "
        "They see no other rater, and never that a trace is gold.",
    )
    assisted_percent = forms.FloatField(
        label="Assisted share, in percent",
        min_value=0,
        max_value=100,
        help_text="Share of assignments, drawn at random, in which judge scores show before rating. It measures how "
        "much suggestions sway people; 0 keeps everyone blind.",
    )

    forbids_own_prompts = forms.BooleanField(
        label="Nobody rates their own prompts",
        required=False,
        help_text="Raters are not handed traces of prompts that they brought themselves.",
    )
    gold_percent = forms.FloatField(
        label="Share of gold, in percent",
        min_value=0,
        max_value=100,
        help_text="Share of what a rater is handed, at random, that is gold while there is some they haven't had.",
    )
    gold_threshold_percent = forms.FloatField(
        label="Pause below this accuracy, in percent",
        required=False,
        min_value=0,
        max_value=100,
        help_text="A rater who is right on less of their latest gold is paused, is told so, and can be resumed by you. "
        "Empty: nobody is paused.",
    )
    gold_window = forms.IntegerField(
        label="Gold traces looked at",
        min_value=1,
        max_value=1000,
        help_text="How many of a rater's latest gold traces that looks at. With fewer, nobody is paused.",
    )
    shows_gold_accuracy = forms.BooleanField(
        label="Show raters their accuracy on gold",
        required=False,
        help_text="They see how many they had right of how many, never which traces were gold.",
    )
    uploads_kept_days = forms.IntegerField(
        label="Uploaded files, in days",
        min_value=1,
        max_value=3650,
        help_text="Their imports can be run again meanwhile. What was imported of them stays.",
    )
    dry_runs_kept_days = forms.IntegerField(
        label="Dry runs, in days",
        min_value=1,
        max_value=3650,
        help_text="The single answers that were looked at before a batch was started.",
    )

    @classmethod
    def initial_of(cls, project: Project) -> dict[str, Any]:
        values = dataclasses.asdict(ProjectSettings.of(project))
        share, gold_share = values.pop("assisted_share"), values.pop("gold_share")
        threshold = values.pop("gold_threshold")
        categories = "\n".join(values.pop("error_categories"))
        return {
            **values,
            "assisted_percent": f"{100 * share:g}",
            "gold_percent": f"{100 * gold_share:g}",
            "gold_threshold_percent": "" if threshold is None else f"{100 * threshold:g}",
            "error_categories": categories,
        }

    def clean_error_categories(self) -> list[str]:
        try:
            return parse_categories(self.cleaned_data["error_categories"])
        except InvalidCategories as error:
            raise forms.ValidationError(str(error)) from error

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]

    def settings(self) -> ProjectSettings:
        """What the form says, as the action takes it; call it on a valid form."""
        values = dict(self.cleaned_data)
        threshold = values.pop("gold_threshold_percent")
        return ProjectSettings(
            assisted_share=values.pop("assisted_percent") / 100,
            gold_share=values.pop("gold_percent") / 100,
            gold_threshold=None if threshold is None else threshold / 100,
            **values,
        )
