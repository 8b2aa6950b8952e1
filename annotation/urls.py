"""The pages of annotation. A URL is named as its view."""

from django.urls import path

from annotation.views import (
    accounts,
    alternatives,
    amending,
    batch_course,
    batches,
    comparisons,
    decisions,
    drafts,
    gold,
    health,
    imports,
    judge_runs,
    judges,
    keys,
    languages,
    merges,
    model_specs,
    my_work,
    people,
    practice,
    priorities,
    projects,
    prompts,
    qualification,
    quality,
    ratings,
    reviews,
    tokens,
    traces,
)

app_name = "annotation"

urlpatterns = [
    path("healthz", health.check_health, name="check_health"),
    # --- projects ---
    path("", projects.list_projects, name="list_projects"),
    path("projects/new/", projects.create_project, name="create_project"),
    path("p/<slug:slug>/", projects.show_project, name="show_project"),
    path("p/<slug:slug>/settings/", projects.edit_project, name="edit_project"),
    path("p/<slug:slug>/archive/", projects.archive_project, name="archive_project"),
    path("work/", my_work.my_work, name="my_work"),
    # --- accounts, people, tokens ---
    path("sign-in/", accounts.sign_in, name="sign_in"),
    path("sign-out/", accounts.sign_out, name="sign_out"),
    path("start/<str:uid>/<str:token>/", accounts.claim_account, name="claim_account"),
    path("account/", accounts.edit_account, name="edit_account"),
    path("account/keys/", keys.edit_keys, name="edit_keys"),
    path("account/password/", accounts.change_password, name="change_password"),
    path("language/", languages.choose_language, name="choose_language"),
    path("tokens/", tokens.list_tokens, name="list_tokens"),
    path("tokens/new/", tokens.create_token, name="create_token"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke_token, name="revoke_token"),
    path("join/<str:secret>/", people.join_project, name="join_project"),
    path("p/<slug:slug>/people/", people.list_people, name="list_people"),
    path("p/<slug:slug>/people/roles/", people.grant_role, name="grant_role"),
    path("p/<slug:slug>/people/<int:membership_id>/pause/", people.pause_membership, name="pause_membership"),
    path(
        "p/<slug:slug>/people/<int:membership_id>/resume/", people.resume_membership, name="resume_membership"
    ),
    path(
        "p/<slug:slug>/people/<int:membership_id>/remove/", people.remove_membership, name="remove_membership"
    ),
    path("p/<slug:slug>/people/invitations/", people.create_invitation, name="create_invitation"),
    path(
        "p/<slug:slug>/people/invitations/<int:invitation_id>/revoke/",
        people.revoke_invitation,
        name="revoke_invitation",
    ),
    # --- practice ---
    path("p/<slug:slug>/practice/", practice.show_practice, name="show_practice"),
    path("p/<slug:slug>/practice/<int:trace_id>/", practice.practise_trace, name="practise_trace"),
    path("p/<slug:slug>/practice/<int:trace_id>/feedback/", practice.show_feedback, name="show_feedback"),
    path(
        "p/<slug:slug>/practice/<int:trace_id>/steps/<int:index>/",
        practice.show_practice_source,
        name="show_practice_source",
    ),
    path("p/<slug:slug>/practice/test/", practice.start_test, name="start_test"),
    path("p/<slug:slug>/practice/test/<int:attempt_id>/", practice.take_test, name="take_test"),
    path("p/<slug:slug>/qualification/", qualification.manage_practice, name="manage_practice"),
    path("p/<slug:slug>/qualification/gold/", qualification.set_gold_use, name="set_gold_use"),
    path("p/<slug:slug>/qualification/fill/", qualification.fill_practice, name="fill_practice"),
    path(
        "p/<slug:slug>/qualification/<int:membership_id>/waive/",
        qualification.waive_test,
        name="waive_test",
    ),
    # --- models ---
    path("models/", model_specs.list_model_specs, name="list_model_specs"),
    path("models/new/", model_specs.add_model_spec, name="add_model_spec"),
    path("models/<int:spec_id>/", model_specs.show_model_spec, name="show_model_spec"),
    path("models/<int:spec_id>/try/", model_specs.try_model_spec, name="try_model_spec"),
    path("models/<int:spec_id>/retire/", model_specs.retire_model_spec, name="retire_model_spec"),
    # --- prompts, batches, judges ---
    path("p/<slug:slug>/prompts/", prompts.list_prompts, name="list_prompts"),
    path("p/<slug:slug>/prompts/upload/", imports.upload_prompts, name="upload_prompts"),
    path("p/<slug:slug>/prompts/data-set/", imports.open_data_set, name="open_data_set"),
    path("p/<slug:slug>/prompts/make/", prompts.make_prompts, name="make_prompts"),
    path("p/<slug:slug>/prompts/priorities/", priorities.set_priorities, name="set_priorities"),
    path("p/<slug:slug>/prompts/<int:prompt_id>/", prompts.show_prompt, name="show_prompt"),
    path("p/<slug:slug>/prompts/imports/", imports.list_imports, name="list_imports"),
    path(
        "p/<slug:slug>/prompts/imports/source/<int:source_id>/", imports.prepare_import, name="prepare_import"
    ),
    path("p/<slug:slug>/prompts/imports/<int:run_id>/", imports.show_import, name="show_import"),
    path("p/<slug:slug>/prompts/imports/<int:run_id>/cancel/", imports.cancel_import, name="cancel_import"),
    path(
        "p/<slug:slug>/prompts/imports/<int:run_id>/refused/",
        imports.download_refused,
        name="download_refused",
    ),
    path("p/<slug:slug>/batches/", batches.list_batches, name="list_batches"),
    path("p/<slug:slug>/batches/new/", batches.launch_batch, name="launch_batch"),
    path("p/<slug:slug>/batches/<int:batch_id>/", batches.show_batch, name="show_batch"),
    path("p/<slug:slug>/batches/<int:batch_id>/cancel/", batch_course.cancel_batch, name="cancel_batch"),
    path("p/<slug:slug>/batches/<int:batch_id>/pause/", batch_course.pause_batch, name="pause_batch"),
    path("p/<slug:slug>/batches/<int:batch_id>/resume/", batch_course.resume_batch, name="resume_batch"),
    path("p/<slug:slug>/batches/<int:batch_id>/retry/", batch_course.retry_failures, name="retry_failures"),
    path("p/<slug:slug>/judges/", judge_runs.list_judge_runs, name="list_judge_runs"),
    path("p/<slug:slug>/judges/new/", judges.make_judge, name="make_judge"),
    path("p/<slug:slug>/judges/<int:judge_id>/retire/", judges.retire_judge, name="retire_judge"),
    path("p/<slug:slug>/judges/<int:run_id>/", judge_runs.show_judge_run, name="show_judge_run"),
    path("p/<slug:slug>/judges/<int:run_id>/cancel/", judge_runs.cancel_judge_run, name="cancel_judge_run"),
    # --- rating and comparing ---
    path("p/<slug:slug>/rate/", ratings.next_trace, name="next_trace"),
    path("rate/<int:assignment_id>/", ratings.rate_trace, name="rate_trace"),
    path("rate/<int:assignment_id>/ahead/", ratings.lease_ahead, name="lease_ahead"),
    path("rate/<int:assignment_id>/rating/", amending.show_rating, name="show_rating"),
    path("rate/<int:assignment_id>/amend/", amending.amend_rating, name="amend_rating"),
    path("rate/<int:assignment_id>/draft/", drafts.save_draft, name="save_draft"),
    path("rate/<int:assignment_id>/steps/<int:index>/", drafts.show_step_source, name="show_step_source"),
    path(
        "rate/<int:assignment_id>/steps/<int:index>/alternatives/",
        alternatives.show_alternatives,
        name="show_alternatives",
    ),
    path(
        "rate/<int:assignment_id>/steps/<int:index>/rewrite/",
        alternatives.keep_rewrite,
        name="keep_rewrite",
    ),
    path("p/<slug:slug>/compare/", comparisons.compare_traces, name="compare_traces"),
    # --- review ---
    path("p/<slug:slug>/review/", reviews.list_disagreements, name="list_disagreements"),
    path("p/<slug:slug>/review/next/", reviews.next_disagreement, name="next_disagreement"),
    path("p/<slug:slug>/review/<int:trace_id>/", reviews.decide_trace, name="decide_trace"),
    path("p/<slug:slug>/review/appeals/<int:appeal_id>/", reviews.answer_appeal, name="answer_appeal"),
    path("p/<slug:slug>/decisions/", decisions.list_decisions, name="list_decisions"),
    path("rate/<int:assignment_id>/appeal/", decisions.file_appeal, name="file_appeal"),
    # --- quality ---
    path("p/<slug:slug>/agreement/", quality.show_agreement, name="show_agreement"),
    path("p/<slug:slug>/judge-quality/", quality.show_judge_quality, name="show_judge_quality"),
    path("p/<slug:slug>/reports/<str:kind>/", quality.watch_report, name="watch_report"),
    path("p/<slug:slug>/reports/<str:kind>/compute/", quality.request_report, name="request_report"),
    # --- traces and merge ---
    path("p/<slug:slug>/traces/", traces.list_traces, name="list_traces"),
    path("p/<slug:slug>/traces/<int:trace_id>/", traces.show_trace, name="show_trace"),
    path("p/<slug:slug>/traces/<int:trace_id>/cut/", traces.resegment_trace, name="resegment_trace"),
    path("p/<slug:slug>/gold/", gold.list_gold, name="list_gold"),
    path("p/<slug:slug>/merges/", merges.list_merges, name="list_merges"),
    path("p/<slug:slug>/merges/<int:run_id>/", merges.show_merge, name="show_merge"),
    path(
        "p/<slug:slug>/merges/<int:run_id>/traces/<int:trace_id>/", merges.explain_trace, name="explain_trace"
    ),
    path("p/<slug:slug>/merges/<int:run_id>/cancel/", merges.cancel_merge, name="cancel_merge"),
]
