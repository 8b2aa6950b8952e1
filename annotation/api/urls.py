"""The API's addresses, under /api/v1/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated

from annotation.api import failures, gold, merges, projects, prompts, ratings, rollouts, traces

app_name = "api"

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]), name="schema"),
    path("projects/", projects.ProjectList.as_view(), name="project_list"),
    path("projects/<slug:slug>/", projects.ProjectDetail.as_view(), name="project_detail"),
    path("prompts/", prompts.PromptList.as_view(), name="prompt_list"),
    path("prompts/<int:pk>/", prompts.PromptDetail.as_view(), name="prompt_detail"),
    path("gold/", gold.GoldList.as_view(), name="gold_list"),
    path("rollouts/", rollouts.RolloutList.as_view(), name="rollout_list"),
    path("merges/", merges.MergeList.as_view(), name="merge_list"),
    path("merges/<int:pk>/", merges.MergeDetail.as_view(), name="merge_detail"),
    path("merges/<int:pk>/cancel/", merges.MergeCancel.as_view(), name="merge_cancel"),
    path("traces/", traces.TraceList.as_view(), name="trace_list"),
    path("traces/<int:pk>/", traces.TraceDetail.as_view(), name="trace_detail"),
    path("batch-failures/", failures.BatchFailureList.as_view(), name="batch_failure_list"),
    path("judge-failures/", failures.JudgeFailureList.as_view(), name="judge_failure_list"),
    path("ratings/", ratings.RatingList.as_view(), name="rating_list"),
    path("ratings/<int:pk>/", ratings.RatingDetail.as_view(), name="rating_detail"),
]
