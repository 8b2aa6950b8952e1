"""Who signs in. What a person may do is decided by their memberships, one per project and role."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Account(AbstractUser):
    """A sign-in. A rater is an account with a rater's membership."""

    display_name = models.CharField(max_length=120, blank=True)
    language = models.CharField(
        max_length=10, blank=True, help_text="Of the pages; the browser's own choice where it is empty."
    )
    is_simulated = models.BooleanField(
        default=False,
        help_text="A simulated rater: its ratings were drawn by a program, and every page says so.",
    )
    key_bindings = models.JSONField(
        default=dict,
        blank=True,
        help_text="Keys of the rating page where they are not the default: {command: [keys]}.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_simulated=False) | models.Q(is_superuser=False, is_staff=False),
                name="account_simulated_is_never_staff",
            )
        ]

    def __str__(self) -> str:
        return self.display_name or self.username
