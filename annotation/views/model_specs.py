"""Models, for site admins: what there is, adding one, its terms, trying it, retiring it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import model_specs
from annotation.forms.model_specs import AddModelForm, ModelTermsForm
from annotation.models import Account, ModelSpec
from annotation.queries.model_specs import find_latest_trial
from annotation.queries.waiting import explain_wait
from annotation.tables.model_specs import build_model_table
from annotation.views.access import account_of
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables

_TRIAL_TEXT = "What is 3 + 4? Think step by step, and end with “The answer is” and the answer."


@login_required
@never_cache
@require_safe
def list_model_specs(request: HttpRequest) -> HttpResponseBase:
    _admit(request)
    model_specs.ensure_shipped_model(now=timezone.now())
    return answer_tables(request, "model_specs/list_model_specs.html", {}, build_model_table())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_model_spec(request: HttpRequest) -> HttpResponse:
    account = _admit(request)
    form = AddModelForm(request.POST or None)
    if form.is_valid():
        now = timezone.now()
        try:
            spec = model_specs.add_model_spec(place=form.place(), terms=form.terms(), actor=account, now=now)
        except model_specs.NameTaken as error:
            form.add_error("name", str(error))
        else:
            model_specs.launch_trial(spec=spec, text=_TRIAL_TEXT, actor=account, now=now)
            return redirect_htmx(request, "annotation:show_model_spec", spec.pk)
    return render(request, "model_specs/add_model_spec.html", {"form": form})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show_model_spec(request: HttpRequest, spec_id: int) -> HttpResponse:
    """One model with its terms and its last trial; while that is open htmx asks for it every second."""
    account, spec = _find(request, spec_id)
    trial = find_latest_trial(spec)
    wait = explain_wait(trial, is_on_server=spec.is_server, now=timezone.now()) if trial else ""
    shown = {"spec": spec, "trial": trial, "wait": wait}
    if request.htmx and request.method == "GET":  # type: ignore[attr-defined]  # set by django-htmx's middleware
        return render(request, "model_specs/show_model_spec.html#model-trial", shown)
    form = ModelTermsForm(request.POST or None, initial=ModelTermsForm.initial_of(spec))
    if form.is_valid():
        if form.cleaned_data["key_variable"] and not spec.is_server:
            form.add_error("key_variable", "Only a server needs a key; leave it empty.")
        else:
            model_specs.change_model_terms(spec=spec, terms=form.terms(), actor=account, now=timezone.now())
            messages.success(request, f"{spec.name} is saved.")
            return redirect_htmx(request, "annotation:show_model_spec", spec.pk)
    return render(request, "model_specs/show_model_spec.html", {**shown, "form": form})


@login_required
@require_POST
def try_model_spec(request: HttpRequest, spec_id: int) -> HttpResponse:
    account, spec = _find(request, spec_id)
    model_specs.launch_trial(spec=spec, text=_TRIAL_TEXT, actor=account, now=timezone.now())
    return redirect_htmx(request, "annotation:show_model_spec", spec.pk)


@login_required
@require_POST
def retire_model_spec(request: HttpRequest, spec_id: int) -> HttpResponse:
    account, spec = _find(request, spec_id)
    model_specs.retire_model_spec(spec=spec, actor=account, now=timezone.now())
    messages.success(
        request, f"{spec.name} is retired: nobody is offered it any more, and what it made stays."
    )
    return redirect_htmx(request, "annotation:list_model_specs")


def _find(request: HttpRequest, spec_id: int) -> tuple[Account, ModelSpec]:
    """One model, for site admins; to everybody else it is simply not there."""
    account = account_of(request)
    if not account.is_superuser:
        raise Http404("There is no such model.")
    return account, get_object_or_404(ModelSpec, pk=spec_id)


def _admit(request: HttpRequest) -> Account:
    """Models are everybody's, and adding one makes this machine send requests: site admins only."""
    account = account_of(request)
    if not account.is_superuser:
        raise PermissionDenied("Only site admins add models. Ask whoever runs this server.")
    return account
