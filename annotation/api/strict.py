"""What is sent to the API holds what the API knows and nothing else: a mistyped name would take its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

Value = TypeVar("Value")
UNKNOWN = "There is no such field here. There are: {names}."


class StrictSerializer(serializers.Serializer[Value], Generic[Value]):
    """A body, an object within one, or the parameters of an address; each unknown name is refused under its own name.

    `also_known`: names that somebody else reads.
    """

    also_known: ClassVar[tuple[str, ...]] = ()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            names = [name for name, field in self.fields.items() if not field.read_only] + list(
                self.also_known
            )
            if unknown := [str(name) for name in data if name not in names]:
                refusal = UNKNOWN.format(names=", ".join(names))
                raise ValidationError({name: [refusal] for name in unknown})
        return super().to_internal_value(data)
