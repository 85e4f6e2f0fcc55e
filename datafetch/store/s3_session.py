"""botocore's session for the S3 client, which reads of botocore's data no more than it needs.

Making a client was a third of what a run does before its first request. Both halves below
only spare work; where botocore stops to ask them, it costs what it did.
"""

import gzip
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import botocore.session
from botocore.loaders import JSONFileLoader, Loader


def s3_session() -> botocore.session.Session:
    """A session of its own; it looks for data where botocore's configuration says."""
    session = botocore.session.get_session()
    paths = session.get_component("data_loader").search_paths
    data = _S3Data(paths, _PlainFiles(), include_default_search_paths=False)
    session.register_component("data_loader", data)
    return session


class _S3Data(Loader):
    """Does not walk through the folders of four hundred services, only to find that s3 is one."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        """The one service that is used here."""
        return ["s3"]


class _PlainFiles(JSONFileLoader):
    """Makes dicts of JSON; the OrderedDicts of botocore's take twice the time, and more memory."""

    def load_file(self, file_path: str) -> Any:
        """The content of `file_path` with `.json` or `.json.gz`; None when there is no such file."""
        with suppress(FileNotFoundError):
            return json.loads(Path(f"{file_path}.json").read_bytes())
        with suppress(FileNotFoundError):
            return json.loads(gzip.decompress(Path(f"{file_path}.json.gz").read_bytes()))
        return None
