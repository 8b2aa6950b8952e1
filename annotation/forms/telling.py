"""What a person is told of something that was refused, in their language."""

from __future__ import annotations

from django.utils.translation import gettext

from annotation.rules.messages import Said


def tell(refusal: Exception) -> str:
    """The sentence of an exception. The rules know no translations, so theirs is looked up here; actions' own is
    translated already."""
    if isinstance(refusal, Said):
        return refusal.put_in(gettext(refusal.text))
    return str(refusal)
