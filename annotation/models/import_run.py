"""Prompts and traces brought from elsewhere: the source as it was found, and a run that stores what its rows say."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.models.job import Job
from annotation.models.project import Project


class SourceFormat(models.TextChoices):
    JSONL = "jsonl", "JSON Lines"
    CSV = "csv", "CSV"
    PARQUET = "parquet", "Parquet"
    HUB = "hub", "Hugging Face data set"


class ImportSource(Job):
    """A file that was uploaded, or a data set by its name. A worker looks at it once: its columns, its first rows and
    how many there are. Nothing of it is stored as prompts before a person has said what the columns mean."""

    task_name = "annotation.inspect_source"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    name = models.CharField(max_length=200, help_text="The file's name, or the data set's.")
    file_format = models.CharField(max_length=10, choices=SourceFormat)
    stored_name = models.CharField(max_length=80, blank=True, help_text="Of the file in the upload folder.")
    config = models.CharField(max_length=200, blank=True)
    split = models.CharField(max_length=80, blank=True)
    columns = models.JSONField(default=list)
    sample = models.JSONField(default=list, help_text="[{number, values, fault}]: the first rows, shortened.")
    num_rows = models.BigIntegerField(null=True, blank=True, help_text="None where the source does not say.")

    class Meta(Job.Meta):
        ordering = ["-queued_at", "-pk"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(file_format__in=SourceFormat.values), name="import_source_format_is_known"
            ),
            models.CheckConstraint(
                condition=Q(file_format=SourceFormat.HUB, stored_name="")
                | (~Q(file_format=SourceFormat.HUB) & ~Q(stored_name="")),
                name="import_source_is_a_file_or_a_data_set",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ImportRun(Job):
    """The rows of a source, read in order and stored in chunks. Each chunk's rows and the counts that include them are
    stored together, so a run that is started again goes on behind the last one (`num_read`)."""

    task_name = "annotation.run_import"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="runs")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    layout = models.CharField(max_length=40)
    mapping = models.JSONField(default=dict, help_text="{field: column}")
    verifier = models.CharField(max_length=40, blank=True, help_text="For rows that name none.")
    segmenter = models.CharField(max_length=40, blank=True, help_text="For traces that come without steps.")
    model_name = models.CharField(max_length=120, blank=True, help_text="For traces that name none.")
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose ratings the labels become; none where labels are not taken.",
    )
    max_rows = models.PositiveIntegerField(null=True, blank=True)
    is_all_or_nothing = models.BooleanField(default=False)
    num_read = models.PositiveIntegerField(default=0)
    num_prompts = models.PositiveIntegerField(default=0, help_text="Prompts stored.")
    num_traces = models.PositiveIntegerField(default=0, help_text="Traces stored.")
    num_ratings = models.PositiveIntegerField(default=0, help_text="Ratings stored.")
    num_duplicates = models.PositiveIntegerField(default=0, help_text="Rows of which everything was there.")
    num_refused = models.PositiveIntegerField(default=0)

    class Meta(Job.Meta):
        ordering = ["-queued_at", "-pk"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(num_read__gte=models.F("num_duplicates") + models.F("num_refused")),
                name="import_run_counts_add_up",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk}"


class ImportRefusal(models.Model):
    """One row that brought nothing: it was refused, or what it says was there already (`is_known`); and why."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refusals")
    number = models.PositiveIntegerField(help_text="The line of a file, the row of a table; from 1.")
    reason = models.TextField()
    raw = models.TextField(blank=True)
    is_known = models.BooleanField(default=False)

    class Meta:
        ordering = ["number", "pk"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="import_refusal_once_per_row")]

    def __str__(self) -> str:
        return f"row {self.number} of {self.run_id}"
