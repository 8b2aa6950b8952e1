"""What may be typed as the name of a data set. `datasets` itself takes more for one: any folder that it finds on the
server, and the names of its own readers, which then read whatever they are pointed at."""

from __future__ import annotations

import re

from annotation.importing.rows import SourceUnreadable

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-]))*"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
# The readers of datasets 5, and where the hub keeps its buckets; a test holds them against the library.
READERS = frozenset({
    "arrow", "audiofolder", "conll", "csv", "eval", "fasta", "fastq", "genbank", "harbor", "hdf5",
    "iceberg", "imagefolder", "json", "lance", "meshfolder", "mmcif", "niftifolder", "pandas",
    "parquet", "pdb", "pdffolder", "text", "tsfile", "videofolder", "vortex", "webdataset", "xml",
})  # fmt: skip
_BUCKETS = "buckets/"


def is_folder(name: str) -> bool:
    """Whether the name is a path on the server: it begins like one."""
    return name.startswith(("/", "./", "../", "~"))


def check_name(name: str) -> None:
    """Raises SourceUnreadable for what is neither a folder's path nor a hub's `name` or `owner/name`."""
    if is_folder(name):
        return
    if name in READERS or name.startswith(_BUCKETS) or len(name) > 200 or not _NAME.fullmatch(name):
        raise SourceUnreadable(
            f"“{name[:120]}” is no name of a data set: give one as the hub has it, such as “openai/gsm8k”, or a folder "
            "that begins with “/”."
        )
