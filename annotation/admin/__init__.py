"""Django's admin, for site admins: look at every table, edit what no page edits.

Nearly everything is read-only here. Ratings, scores, merges and the audit log are never edited at all; projects,
people and tokens have pages of their own, whose actions keep counts and the audit log right.
"""

from annotation.admin import judging, making, people, signing_in
from annotation.admin.site import ReadOnlyAdmin

__all__ = ["ReadOnlyAdmin", "judging", "making", "people", "signing_in"]
