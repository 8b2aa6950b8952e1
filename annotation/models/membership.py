"""Roles in a project, and the links that invite people to them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from annotation.models.project import Project


class Role(models.TextChoices):
    RATER = "rater", gettext_lazy("Rater")
    ADJUDICATOR = "adjudicator", gettext_lazy("Adjudicator")
    ENGINEER = "engineer", gettext_lazy("Engineer")
    ADMIN = "admin", gettext_lazy("Admin")


class PauseReason(models.TextChoices):
    ADMIN = "admin", "By an admin"
    GOLD = "gold", "For accuracy on gold"


class Membership(models.Model):
    """One role of one account in one project; a person may hold several."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    role = models.CharField(max_length=12, choices=Role)
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(
        max_length=10,
        choices=PauseReason,
        blank=True,
        help_text="Why it is paused; of a past pause, why it was.",
    )
    resumed_at = models.DateTimeField(
        null=True, blank=True, help_text="Gold rated before it no longer counts towards a pause."
    )

    class Meta:
        ordering = ["role", "account__username"]
        constraints = [
            models.UniqueConstraint(fields=["project", "account", "role"], name="membership_once_per_role"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
            models.CheckConstraint(
                condition=Q(pause_reason__in=["", *PauseReason.values]),
                name="membership_pause_reason_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} is {self.role} of {self.project_id}"


class Invitation(models.Model):
    """A link that makes whoever opens it a member. Only the hash of its secret is stored."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    role = models.CharField(max_length=12, choices=Role, default=Role.RATER)
    secret_hash = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=120, blank=True)
    sent_to = models.EmailField(blank=True, help_text="Where the link was sent, if it was sent by e-mail.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    max_uses = models.PositiveIntegerField(default=1)
    num_uses = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_is_known"),
            models.CheckConstraint(condition=Q(num_uses__lte=F("max_uses")), name="invitation_not_overused"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.project_id} as {self.role}"
