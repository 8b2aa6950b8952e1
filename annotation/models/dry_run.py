"""One prompt answered as a batch would answer it, looked at before the batch is launched; no trace comes of it."""

from django.conf import settings
from django.db import models

from annotation.models.job import Job, ModelJob
from annotation.models.model_spec import ModelSpec
from annotation.models.project import Project
from annotation.models.prompt import Prompt


class DryRun(ModelJob):
    """What was asked is kept as it was asked, since prompt and template may change while the answer is looked at."""

    task_name = "annotation.answer_dry_run"
    server_task_name = "annotation.answer_dry_run_on_server"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    model_spec = models.ForeignKey(ModelSpec, on_delete=models.CASCADE)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE)
    form_fields = models.JSONField(
        help_text="The form as it stood, so that it stands so again beside the answer."
    )
    told = models.TextField(help_text="What the model was told: the prompt in its template.")
    temperature = models.FloatField()
    top_p = models.FloatField()
    max_new_tokens = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    segmenter = models.CharField(max_length=40)

    completion = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    mean_logprob = models.FloatField(null=True, blank=True)
    final_answer = models.TextField(null=True, blank=True)  # noqa: DJ001  null: none was found, as in a trace
    is_answer_correct = models.BooleanField(null=True, blank=True)
    verifier_error = models.TextField(blank=True, help_text="Why the answer was not checked, as in a trace.")
    seconds = models.FloatField(
        null=True, blank=True, help_text="How long the model took, without the time to open it."
    )

    class Meta(Job.Meta):
        ordering = ["-queued_at"]

    def __str__(self) -> str:
        return f"dry run {self.pk}"
