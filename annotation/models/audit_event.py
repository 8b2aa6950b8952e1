"""Who did what to what, and when. Append-only: a trigger refuses every other change (migration 0034)."""

from django.conf import settings
from django.db import models

from annotation.models.project import Project


class AuditEvent(models.Model):
    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT)
    verb = models.CharField(max_length=60, help_text='What happened: "launched a batch".')
    subject = models.CharField(max_length=120, help_text='To what: "batch 12".')
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.actor_id} {self.verb} {self.subject}"
