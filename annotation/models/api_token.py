"""Tokens for the API: shown once, stored only as a hash, scoped, expiring, revocable."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.project import Project


class TokenScope(models.TextChoices):
    """What a token may do, by the noun of the API; writing includes reading the same."""

    PROJECTS_READ = "projects:read", "Read projects"
    PROMPTS_READ = "prompts:read", "Read prompts"
    PROMPTS_WRITE = "prompts:write", "Add prompts"
    TRACES_READ = "traces:read", "Read traces"
    TRACES_WRITE = "traces:write", "Return roll-outs of a training as traces"
    RATINGS_READ = "ratings:read", "Read ratings"
    RATINGS_WRITE = "ratings:write", "Submit ratings"
    EXPORTS_READ = "exports:read", "List and download exports"
    EXPORTS_WRITE = "exports:write", "Start exports"


class ApiToken(models.Model):
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    prefix = models.CharField(
        max_length=12, help_text="The first characters, to tell tokens apart in a list."
    )
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=20, choices=TokenScope))
    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        help_text="The one project it reaches; none: all of its person's.",
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=TokenScope.values, scopes__len__gte=1),
                name="api_token_scopes_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    def may(self, noun: str, *, write: bool) -> bool:
        """Whether its scopes reach this noun of the API."""
        return f"{noun}:write" in self.scopes or (not write and f"{noun}:read" in self.scopes)
