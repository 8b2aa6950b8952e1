"""`manage.py ensure_demo`: on the first start, a project with real traces, so that every page has something to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from annotation.actions.backups import restore_backup
from annotation.actions.quality_reports import request_report
from annotation.models import AuditEvent, Project, ReportKind

# Made by `manage.py make_demo`; its first line says with which model, parameters, seed and date.
DEMO_FILE = Path(__file__).resolve().parents[2] / "demo" / "demo.jsonl"


class Command(BaseCommand):
    help = "Restores the demo project where no project was ever made. Putting it away is final."

    def handle(self, **options: Any) -> None:
        if Project.objects.exists() or AuditEvent.objects.exists():
            return
        with DEMO_FILE.open(encoding="utf-8") as lines:
            project = restore_backup(lines=lines, actor=None, now=timezone.now())
        for kind in ReportKind:  # the quality pages have something to show once the workers are up
            request_report(project=project, kind=kind, actor=None, now=timezone.now())
        self.stdout.write(f"{project.name} (/p/{project.slug}/)")
