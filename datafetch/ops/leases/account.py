"""Whose keys and regions a table of locks may be asked with."""

from dataclasses import dataclass

from datafetch.models.store_place import Credentials


@dataclass(frozen=True, slots=True)
class Account:
    """What the settings say of keys and regions.

    Attributes:
        credentials: those for the store's bucket.
        region: that of the bucket; None when no setting says it.
        server: whose they are: the address of the bucket's server; None for Amazon.
        table_region: that of the table, where the bucket is not at Amazon; None as `region`.
        region_setting: the setting that says the bucket's region.
    """

    credentials: Credentials
    region: str | None
    server: str | None
    table_region: str | None
    region_setting: str

    def __repr__(self) -> str:
        """Without the keys."""
        return f"Account(server={self.server!r}, region={self.region!r})"
