"""The exports' part of the API, under /api/v1/."""

from django.urls import path

from exports import api, comparison_api, export_steps_api

app_name = "exports_api"

urlpatterns = [
    path("exports/", api.ExportList.as_view(), name="export_list"),
    path("exports/preview/", export_steps_api.ExportPreview.as_view(), name="export_preview"),
    path("exports/<int:pk>/cancel/", export_steps_api.ExportCancel.as_view(), name="export_cancel"),
    path("exports/<int:pk>/pushes/", export_steps_api.ExportPushes.as_view(), name="export_pushes"),
    path("exports/<int:pk>/", api.ExportDetail.as_view(), name="export_detail"),
    path("exports/<int:pk>/comparison/", comparison_api.ExportComparison.as_view(), name="export_comparison"),
    path("exports/<int:pk>/archive.zip", api.ExportArchive.as_view(), name="export_archive"),
    path("exports/<int:pk>/files/<path:name>", api.ExportFile.as_view(), name="export_file"),
]
