"""The annotation app: prompts become traces, people and judges rate their steps."""

from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"
    verbose_name = "Annotation"
