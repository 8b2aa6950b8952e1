"""A judge that a person makes."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.actions.judges import NewJudge, read_shipped_rubric
from annotation.models import Judge, JudgeKind, ModelSpec, Project
from annotation.rules.prompt_template import DEFAULT_TEMPLATE, BadTemplate, check_template
from annotation.rules.rubrics import LONGEST_RUBRIC, BadRubric, check_rubric

KINDS = (
    (JudgeKind.RUBRIC, "Rubric: a language model writes a critique and a verdict for each step"),
    (
        JudgeKind.ROLLOUT,
        "Roll-outs: a language model finishes the solution from each step, and the verifier checks it",
    ),
    (JudgeKind.LIKELIHOOD, "Likelihood: how much likelier a model in the worker says “yes” than “no”"),
    (JudgeKind.PRM, "Process reward model: trained to score steps"),
)
_WITH_RUBRIC = (JudgeKind.RUBRIC, JudgeKind.LIKELIHOOD)


class ModelField(forms.ModelChoiceField):  # type: ignore[type-arg]  # can't be subscripted at run time
    def label_from_instance(self, obj: ModelSpec) -> str:
        return f"{obj.name} ({obj.get_backend_display().lower()})"


class MakeJudgeForm(forms.Form):
    """Kind, model and settings; those of other kinds are left aside."""

    kind = forms.ChoiceField(label="Kind", choices=KINDS, widget=forms.RadioSelect, initial=JudgeKind.RUBRIC)
    name = forms.CharField(
        max_length=120, help_text="Its versions share it. What changes makes a new version."
    )
    model_spec = ModelField(ModelSpec.objects.none(), label="Model", empty_label=None)
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What people should know before they trust it.",
    )
    sees_reference = forms.BooleanField(label="Is told the reference answer", required=False)

    rubric = forms.CharField(
        label="Rubric",
        required=False,
        max_length=LONGEST_RUBRIC,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
        help_text="What the model is told, with {problem}, {reference} and {steps} where they are to stand. Empty: the "
        "one that comes with Gradus.",
    )
    rubric_file = forms.FileField(
        label="… or a file with it",
        required=False,
        help_text="UTF-8 text, such as a .md file. It goes before the text.",
    )
    temperature = forms.FloatField(
        label="Temperature",
        min_value=0,
        max_value=2,
        initial=0,
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )
    max_new_tokens = forms.IntegerField(
        label="Most tokens", min_value=16, max_value=32_768, initial=4096, help_text="In each answer."
    )

    template = forms.CharField(
        label="Prompt template",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="How the model is asked; {prompt} stands for the prompt's text. Best as the traces were made. Empty: "
        "the usual one.",
    )
    num_rollouts = forms.IntegerField(label="Roll-outs from each step", min_value=1, max_value=64, initial=8)
    is_search = forms.ChoiceField(
        label="Where",
        choices=[("", "From every step"), ("yes", "Look for the first error by halving (far cheaper)")],
        required=False,
    )
    rollout_temperature = forms.FloatField(
        label="Temperature",
        min_value=0,
        max_value=2,
        initial=0.8,
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )
    rollout_tokens = forms.IntegerField(label="Most tokens", min_value=16, max_value=32_768, initial=512)
    separator = forms.CharField(
        label="Between two steps",
        required=False,
        max_length=40,
        strip=False,
        help_text="The text whose last token carries a step's score, in models of other makers. Empty: a new line, as "
        "TRL's trainer has it.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        field = self.fields["model_spec"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = ModelSpec.objects.usable()
        if not project.judges_see_reference:
            self.fields["sees_reference"].disabled = True
            self.fields["sees_reference"].help_text = "This project's settings don't allow it."

    @classmethod
    def initial_of(cls, judge: Judge) -> dict[str, Any]:
        """The fields as an existing judge has them, for its next version."""
        stored = dict(judge.settings)
        is_rollout = judge.kind == JudgeKind.ROLLOUT
        temperature, tokens = stored.pop("temperature", None), stored.pop("max_new_tokens", None)
        told = {
            "rollout_temperature" if is_rollout else "temperature": temperature,
            "rollout_tokens" if is_rollout else "max_new_tokens": tokens,
        }
        stored["is_search"] = "yes" if stored.get("is_search") else ""
        return {
            "kind": judge.kind,
            "name": judge.name,
            "model_spec": judge.model_spec_id,
            "note": judge.note,
            "sees_reference": judge.sees_reference,
            **stored,
            **{name: value for name, value in told.items() if value is not None},
        }

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        kind = data.get("kind", "")
        if kind in _WITH_RUBRIC:
            data["rubric"] = self._choose_rubric(JudgeKind(kind))
            self._check("rubric", check_rubric)
        if kind == JudgeKind.ROLLOUT:
            # A browser sends line ends as CRLF; the model gets them as they were written.
            data["template"] = data.get("template", "").replace("\r\n", "\n") or DEFAULT_TEMPLATE
            self._check("template", check_template)
        return data

    def new_judge(self) -> NewJudge:
        """What a valid form says."""
        data = self.cleaned_data
        kind = JudgeKind(data["kind"])
        settings: dict[str, object] = {}
        if kind in _WITH_RUBRIC:
            settings["rubric"] = data["rubric"]
        if kind == JudgeKind.RUBRIC:
            settings |= {"temperature": data["temperature"], "max_new_tokens": data["max_new_tokens"]}
        if kind == JudgeKind.ROLLOUT:
            settings |= {
                "template": data["template"],
                "num_rollouts": data["num_rollouts"],
                "is_search": data["is_search"] == "yes",
                "temperature": data["rollout_temperature"],
                "max_new_tokens": data["rollout_tokens"],
            }
        if kind == JudgeKind.PRM:
            settings["separator"] = data["separator"].replace("\r\n", "\n") or "\n"
        return NewJudge(
            kind=kind,
            name=data["name"],
            model_spec=data["model_spec"],
            settings=settings,
            sees_reference=data["sees_reference"],
            note=data["note"],
        )

    def _choose_rubric(self, kind: JudgeKind) -> str:
        file = self.cleaned_data.get("rubric_file")
        text: str = self.cleaned_data.get("rubric", "")
        if file:
            try:
                text = file.read(4 * LONGEST_RUBRIC + 1).decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("rubric_file", "This file is not UTF-8 text.")
                return read_shipped_rubric(kind)
        return text.replace("\r\n", "\n") if text.strip() else read_shipped_rubric(kind)

    def _check(self, name: str, check: Any) -> None:
        try:
            check(self.cleaned_data[name])
        except (BadRubric, BadTemplate) as error:
            self.add_error(
                "rubric_file" if name == "rubric" and self.cleaned_data.get("rubric_file") else name,
                str(error),
            )
