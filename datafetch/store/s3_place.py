"""What messages say of a bucket: where it is, which settings say so, and what looks wrong with them."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from datafetch.models.store_place import Addressing
from datafetch.store.s3_dialect import endpoint_of, is_amazon

_S3_PORTS = {
    9001: (9000, "the console of MinIO"),
    9090: (9000, "the console of MinIO"),
    3902: (3900, "the web sites of Garage"),
    3903: (3900, "the administration of Garage"),
    8888: (8333, "the filer of SeaweedFS"),
    9333: (8333, "the master of SeaweedFS"),
}
"""Ports of S3 servers that do not speak S3: the one that does, and what this one is.

The servers' own defaults: MinIO, "minio server"; Garage, "Configuration file format"; SeaweedFS,
"Amazon S3 API" and "Getting started".
"""

_NAMED_BY_AMAZON = "AWS_ENDPOINT_URL"


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """A bucket as the settings name it.

    Attributes:
        label: what messages call it: `s3://bucket/prefix`.
        bucket: its own name.
        prefix: what every key in it begins with, with a slash at its end; empty for none.
        endpoint: base URL of its server.
        addressing: where the bucket's name stands in URLs.
        region: as requests are signed for.
        from_settings: whether `S3_SERVER_URL` names the server; else it is Amazon's, or the one
            that boto3 found in AWS's own variables and files.
        own_keys: whether the settings hold the access key; else it is one of AWS's chain.
    """

    label: str
    bucket: str
    prefix: str
    endpoint: str
    addressing: Addressing
    region: str
    from_settings: bool
    own_keys: bool

    @property
    def server(self) -> str:
        """The server's address, without credentials."""
        return endpoint_of(self.endpoint)

    @property
    def setting(self) -> str:
        """The setting that says which server is asked."""
        if self.from_settings:
            return "S3_SERVER_URL"
        return "S3_REGION" if is_amazon(self.endpoint) else _NAMED_BY_AMAZON

    @property
    def key_id(self) -> str:
        """Where the access key's name comes from."""
        return (
            "S3_ACCESS_KEY_ID" if self.own_keys else "the key of AWS_ACCESS_KEY_ID or AWS_PROFILE"
        )

    @property
    def secret(self) -> str:
        """Where the secret of the access key comes from."""
        return "S3_SECRET_ACCESS_KEY" if self.own_keys else "AWS_SECRET_ACCESS_KEY or AWS_PROFILE"

    @property
    def token(self) -> str:
        """Where the session token of a temporary key comes from."""
        return "S3_SESSION_TOKEN" if self.own_keys else "AWS_SESSION_TOKEN or AWS_PROFILE"

    def resource(self, key: str = "") -> str:
        """The bucket, or an object in it, as a policy names it after `arn:aws:s3:::`."""
        return f"{self.bucket}/{self.prefix}{key}" if key else self.bucket

    def doubt(self) -> str:
        """What looks wrong with the server's address, as a sentence that says what to set; or nothing."""
        if not self.from_settings:
            return ""
        url = urlsplit(self.server)
        host, path = url.netloc, url.path
        if path.endswith(f"/{self.bucket}"):
            right = f"{url.scheme}://{host}{path.removesuffix(f'/{self.bucket}')}"
            return f"S3_SERVER_URL ends with the bucket's name, which is added to it: set {right}."
        if host.startswith(f"{self.bucket}."):
            right = f"{url.scheme}://{host.removeprefix(f'{self.bucket}.')}{path}"
            return f"S3_SERVER_URL begins with the bucket's name: set {right}."
        if path:
            return (
                f"S3_SERVER_URL has a path ({path}); S3 servers are asked without one:"
                f" {url.scheme}://{host}."
            )
        return ""

    def port_doubt(self) -> str:
        """Which port to try instead, where the port is known not to speak S3; or nothing."""
        url = urlsplit(self.server)
        known = _S3_PORTS.get(_port(url) or 0)
        if known is None:
            return ""
        right, what = known
        return (
            f"Port {_port(url)} is usually {what}, and S3 at {url.scheme}://{url.hostname}:{right}."
        )


def _port(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError:
        return None
