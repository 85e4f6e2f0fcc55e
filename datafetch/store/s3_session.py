"""botocore's session for the S3 client: the data that it needs, without looking at all there is."""

import botocore.session
from botocore.loaders import Loader


class _S3Data(Loader):
    """botocore's data, without the walk through the folders of its four hundred services.

    That walk only finds that there is a service "s3", and takes a quarter of the time in
    which a client is made; far more where the disk is cold.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        """The one service that is used here."""
        return ["s3"]


def s3_session() -> botocore.session.Session:
    """A session of its own; it looks for data where botocore's configuration says."""
    session = botocore.session.get_session()
    paths = session.get_component("data_loader").search_paths
    data = _S3Data(extra_search_paths=paths, include_default_search_paths=False)
    session.register_component("data_loader", data)
    return session
