"""A store whose conditions we look after ourselves, since its server does not.

What is stored is compared first and written then. Between the two another writer would not be
noticed, so a lock must keep every other writer out: checked, not atomic.
"""

from datafetch.errors import ObjectNotFound, PreconditionFailed
from datafetch.store.around import StoreAround
from datafetch.store.base import (
    JSON_TYPE,
    Condition,
    EtagForm,
    FilePart,
    IfAbsent,
    IfMatch,
    ServerStore,
)


class CheckedStore(StoreAround):
    """Wraps another store and, if it is told to, checks conditions itself; `close` closes the other.

    Attributes:
        checks: whether a condition is compared with the stored object (one request more) and the
            write is then sent without it. When False, conditions are left to the server.
    """

    def __init__(self, store: ServerStore) -> None:
        super().__init__(store)
        self._server = store
        self.checks = False

    @property
    def endpoint(self) -> str:
        """See `ServerStore.endpoint`."""
        return self._server.endpoint

    @property
    def etag_form(self) -> EtagForm:
        """See `ServerStore`."""
        return self._server.etag_form

    @etag_form.setter
    def etag_form(self, form: EtagForm) -> None:
        self._server.etag_form = form

    def put(
        self,
        key: str,
        body: bytes | FilePart,
        *,
        content_type: str = JSON_TYPE,
        cache_control: str | None = None,
        condition: Condition = None,
    ) -> str:
        """See `ObjectStore.put`."""
        if self.checks and condition is not None:
            self._check(key, condition)
            condition = None
        return self._store.put(
            key, body, content_type=content_type, cache_control=cache_control, condition=condition
        )

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        self._store.delete(key)

    def _check(self, key: str, condition: IfMatch | IfAbsent) -> None:
        etag = self._etag(key)
        if isinstance(condition, IfAbsent):
            if etag is not None:
                raise PreconditionFailed(f"{key} is there already", key=key)
        elif etag != condition.etag:
            raise PreconditionFailed(f"{key} is not as it was when it was read", key=key)

    def _etag(self, key: str) -> str | None:
        try:
            return self._store.head(key).etag
        except ObjectNotFound:
            return None
