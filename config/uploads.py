"""Uploaded files over the limit are counted and thrown away while they arrive: neither memory nor disk fills."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class LimitedFileUploadHandler(TemporaryFileUploadHandler):
    """Keeps a file on the disk up to UPLOAD_LIMIT_BYTES; of a larger one only its size.

    The form sees an empty file with the size that was sent, and says in one sentence that it is too large.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Stores the chunk, if the file fits so far. `start` counts the bytes before it."""
        if start + len(raw_data) <= settings.UPLOAD_LIMIT_BYTES:
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """The file on the disk; or, over the limit, an empty one that says how large it was."""
        if file_size <= settings.UPLOAD_LIMIT_BYTES:
            return super().file_complete(file_size)
        self.file.close()  # which deletes what was stored
        return UploadedFile(io.BytesIO(), self.file_name, self.content_type, file_size, self.charset)
