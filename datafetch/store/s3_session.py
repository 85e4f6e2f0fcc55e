"""Makes the S3 client: its keys, its certificates, and a session that loads botocore's data faster.

Measured: with botocore's own loader an unchanged bookmark run takes 7 % more time and 6 % more
memory.
"""

import gzip
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import JSONFileLoader, Loader

from datafetch.errors import ConfigurationError
from datafetch.logs import redact
from datafetch.store.s3_dialect import is_amazon

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def s3_session() -> botocore.session.Session:
    """A new botocore session with the loader below; it looks in the folders that botocore would use."""
    session = botocore.session.get_session()
    paths = session.get_component("data_loader").search_paths
    data = _Data(paths, _PlainFiles(), include_default_search_paths=False)
    session.register_component("data_loader", data)
    return session


class _Data(Loader):
    """Lists services by the names of their folders; botocore's own loader looks into each of the 400 folders."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        """The names of all services (finding credentials may need `sts` and `sso` too)."""
        found: set[str] = set()
        for path in filter(os.path.isdir, self.search_paths):
            with os.scandir(path) as entries:
                found.update(entry.name for entry in entries if entry.is_dir())
        return sorted(found)


class _PlainFiles(JSONFileLoader):
    """Reads JSON into plain dicts; botocore's OrderedDicts take twice the time and more memory."""

    def load_file(self, file_path: str) -> Any:
        """The content of `file_path` with `.json` or `.json.gz`; None when there is no such file."""
        with suppress(FileNotFoundError):
            return json.loads(Path(f"{file_path}.json").read_bytes())
        with suppress(FileNotFoundError):
            return json.loads(gzip.decompress(Path(f"{file_path}.json.gz").read_bytes()))
        return None


def make_client(
    endpoint: str | None,
    region: str,
    keys: tuple[str | None, str | None, str | None],
    config: Config,
) -> "S3Client":
    """Make the client of one store, without any request; `config` is completed for the server.

    `keys` are access key, secret key and session token; when they are None, boto3 looks for
    credentials in the standard AWS chain (environment, profile, role).

    Raises:
        ConfigurationError: no client can be made of these.
    """
    try:
        session = boto3.session.Session(*keys, region, botocore_session=s3_session())
        return session.client(
            "s3",
            endpoint_url=endpoint,
            config=config.merge(_server_config(endpoint)),
            # boto3 reads AWS_CA_BUNDLE, but not the variable that everything else obeys.
            verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE"),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            [f"the S3 store cannot be set up: {redact(str(error))}"]
        ) from error


def _server_config(endpoint: str | None) -> Config:
    """Botocore's options for a server: path style where an endpoint is set.

    Servers that are not Amazon's get no checksums beyond the required ones: many answer 400
    or 501 to the trailers that botocore sends by default since 1.36.
    """
    if endpoint is None:
        return Config()
    path_style = Config(s3={"addressing_style": "path"})
    if is_amazon(endpoint):
        return path_style
    fewer_checksums = Config(
        request_checksum_calculation="when_required", response_checksum_validation="when_required"
    )
    return path_style.merge(fewer_checksums)
