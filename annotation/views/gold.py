"""Gold as its makers see it: which traces are gold, how often each was rated, and bringing more."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from annotation.actions.import_gold import BadGold, import_gold, read_gold_lines
from annotation.forms.gold import GoldFileForm
from annotation.models import Role
from annotation.queries.gold import get_pooled_gold_accuracy
from annotation.tables.gold import build_gold_table
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def list_gold(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The list; a POST takes a JSONL file, all of it or nothing."""
    project = load_project(request, slug, Role.ADMIN, Role.ADJUDICATOR)
    is_post = request.method == "POST"
    form = GoldFileForm(request.POST, request.FILES) if is_post else GoldFileForm()
    if is_post and form.is_valid():
        rows = read_gold_lines(form.cleaned_data["file"])
        try:
            done = import_gold(project=project, rows=rows, actor=account_of(request), now=timezone.now())
        except BadGold as error:
            form.add_error("file", f"{error} Nothing was stored.")
        else:
            known = f" {done.num_known:,} were gold already." if done.num_known else ""
            messages.success(request, f"{done.num_made:,} traces are gold now.{known}")
            return redirect_htmx(request, "annotation:list_gold", slug)
    context = {"project": project, "form": form, "accuracy": get_pooled_gold_accuracy(project)}
    return answer_tables(
        request, "gold/list_gold.html", context, build_gold_table(project), status=422 if form.errors else 200
    )
