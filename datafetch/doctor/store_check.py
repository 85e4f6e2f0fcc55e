"""The store: whether it can be read, listed, written and tidied, and keeps what locks rely on.

What is written is below `json/datafetch/probe/`, under names that no run uses, and is removed.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datafetch.doctor.anonymous import Anonymous
from datafetch.doctor.findings import Finding, Group, Status, fail, failed_with, ok, skipped, warn
from datafetch.doctor.paths import is_seen, nearest
from datafetch.errors import ObjectNotFound, StoreDenied, StoreError, UnsafeStore
from datafetch.store.base import (
    BucketStore,
    EtagForm,
    ObjectStore,
    ServerStore,
    encode_json,
)
from datafetch.store.keys import STATE_PREFIX, Keys
from datafetch.store.probe import probe
from datafetch.store.public_urls import PublicUrls

_READ_ONLY_HINT = (
    "Keys that may only read are enough for `datafetch prefetch-build`; jobs need to write."
)
_ACL = "S3_OBJECT_ACL"
_BY_EFFECTIVE_USER = os.access in os.supports_effective_ids


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the settings say of the store.

    Attributes:
        folder: the folder, when it is one of this machine.
        is_web: whether it is a web address, which can only be read.
        locks_elsewhere: whether `DATAFETCH_LOCK` keeps the locks outside the store.
        one_machine: whether these locks keep out runs of this machine only.
        acl: the canned ACL of public objects; None when it is not set.
        cdn: the address under which visitors load objects; None when it is not set.
    """

    folder: Path | None = None
    is_web: bool = False
    locks_elsewhere: bool = False
    one_machine: bool = False
    acl: str | None = None
    cdn: str | None = None


class StoreCheck:
    """Reads, lists, writes and deletes in the store, as runs do, and reports each as a line."""

    name = "store"
    group = Group.STORE
    limit_s = 40.0

    def __init__(
        self, store: ObjectStore, keys: Keys, facts: StoreFacts, anonymous: Anonymous
    ) -> None:
        """`anonymous` asks without credentials, as strangers do."""
        self._store = store
        self._keys = keys
        self._facts = facts
        self._anonymous = anonymous
        self._name = f"doctor-{secrets.token_hex(8)}"
        self._is_away = False

    def look(self) -> Iterator[Finding]:
        """A line for each thing that runs do; after a failed read nothing more is asked."""
        facts = self._facts
        if facts.folder is not None and not is_seen(facts.folder):
            yield _folder_to_come(facts.folder)
            return
        read = self._read()
        yield read
        if facts.is_web:
            yield skipped(
                "store write", "a web address is read-only: enough for prefetch-build, not for jobs"
            )
            return
        if self._is_away:
            return
        listed = self._list()
        yield listed
        if read.status is Status.FAIL and listed.status is Status.FAIL:
            return  # keys that may neither read nor list are wrong: the other checks would fail, too
        with _as_it_was(facts.folder):
            yield from self._write_and_delete()
        yield from self._conditions()
        if isinstance(self._store, BucketStore):
            yield self._versioning(self._store)

    # ------------------------------------------------------------------ steps

    def _read(self) -> Finding:
        key = self._keys.bookmarks_index()
        try:
            found = self._store.get(key)
        except ObjectNotFound:
            if self._facts.is_web:
                return warn(
                    "store read",
                    f"{self._store.name} answers, and shows no {key}: prefetch-build needs it",
                    "Check DATAFETCH_STORE (the address below which json/ and images/ are) and "
                    "DATAFETCH_ENV, and whether the job bookmarks has run.",
                )
            return ok("store read", f"{self._store.name} answers; there is no {key} yet")
        except StoreError as error:
            self._is_away = not isinstance(error, StoreDenied)
            return failed_with("store read", error)
        return ok("store read", f"{self._store.name}: {key}, {len(found.body)} bytes")

    def _list(self) -> Finding:
        try:
            first = next(iter(self._store.list("json/")), None)
        except StoreError as error:
            return failed_with("store list", error)
        return ok("store list", "works" if first else "works; nothing is stored yet")

    def _write_and_delete(self) -> Iterator[Finding]:
        key, body = Keys.probe(self._name), encode_json({"doctor": self._name})
        try:
            self._store.put(key, body)
        except StoreError as error:
            hint = f"{error.hint} {_READ_ONLY_HINT}".strip()
            yield fail("store write", f"cannot write: {error}", hint)
            yield from self._strangers(None, b"")
            return
        try:
            yield self._as_written(key, body)
            yield from self._strangers(key, body)
            yield from self._acl()
        finally:
            removed = self._delete(key)
        yield removed

    def _as_written(self, key: str, body: bytes) -> Finding:
        try:
            same = self._store.get(key).body == body
        except StoreError as error:
            return failed_with("store write", error, "what was written cannot be read: ")
        if same:
            return ok("store write", "works; what was written can be read")
        return fail(
            "store write",
            "what is read is not what was written",
            "Something between here and the store keeps or changes objects, such as a cache: "
            "S3_SERVER_URL has to be the store itself.",
        )

    def _delete(self, key: str) -> Finding:
        try:
            self._store.delete(key)
        except StoreError as error:
            return failed_with("store delete", error, f"{key} stays: ")
        with suppress(ObjectNotFound):
            try:
                self._store.head(key)
            except StoreDenied:
                return ok("store delete", "was accepted")
            return fail("store delete", f"{key} is still there", "Remove it by hand.")
        return ok("store delete", "works")

    def _conditions(self) -> Iterator[Finding]:
        check = "store conditions"
        if not isinstance(self._store, ServerStore):
            yield ok(check, "writes on a condition are kept by file locks of this folder")
            return
        try:
            found = probe(self._store)
        except StoreDenied:
            yield skipped(check, "without the right to write nobody can tell")
            return
        except StoreError as error:
            yield failed_with(check, error)
            return
        if isinstance(found, EtagForm):
            yield ok(check, f"If-Match and If-None-Match are kept; ETags are sent {found.value}")
            return
        said = f"{self._store.name} {found.value}"
        if not self._facts.locks_elsewhere:
            yield fail(check, f"{said}, so that jobs refuse to write", UnsafeStore.hint)
            return
        alone = " Run datafetch on this machine only." if self._facts.one_machine else ""
        yield warn(
            check,
            f"{said}: what is published is checked, not atomic (DATAFETCH_LOCK keeps runs apart)",
            f"A store that keeps If-Match and If-None-Match on PUT is safer.{alone}",
        )

    def _versioning(self, store: BucketStore) -> Finding:
        check = "store versions"
        try:
            kept = store.versioning()
        except StoreDenied:
            return skipped(check, "the keys may not ask (s3:GetBucketVersioning), nor need to")
        except StoreError as error:
            return skipped(check, f"the server does not tell ({error})")
        if kept == "enabled":
            return ok(
                check, "are kept: let a lifecycle rule remove old ones, runs write state each time"
            )
        return ok(check, f"{kept}; the newest five lists of bookmarks are kept by datafetch itself")

    def _strangers(self, key: str | None, body: bytes) -> Iterator[Finding]:
        """Whether everyone can read state: asked with the object that was written, else with any other.

        What was written has to come back: many sites have a page for every address.
        """
        check = "private objects"
        if self._facts.folder is not None:
            return
        if key is None:
            with suppress(StoreError):
                key = next((found.key for found in self._store.list(STATE_PREFIX)), None)
        if key is None:
            yield skipped(check, "there is none to ask for")
            return
        shown = self._anonymous.shows(self._store.url(key))
        by = "by the bucket" if shown.is_shown and body in (b"", shown.body) else ""
        if not by and body and self._facts.cdn is not None:
            url = PublicUrls(self._facts.cdn, self._store.url).for_key(key)
            by = "by S3_CDN_URL" if self._anonymous.shows(url).body == body else ""
        if by:
            yield fail(
                check,
                f"everyone can read {key.rpartition('/')[0]}/ without credentials, {by}",
                "Make only images/ and the site's objects public, never json/datafetch/: "
                "see the bucket's policy and its public access, and the paths that the CDN serves.",
            )
        elif shown.is_hidden or shown.is_shown:
            yield ok(check, "strangers cannot read json/datafetch/")
        else:
            yield skipped(check, shown.words)

    def _acl(self) -> Iterator[Finding]:
        if self._facts.acl is None or not isinstance(self._store, BucketStore):
            return
        key = Keys.probe(f"{self._name}-acl")
        try:
            self._store.put_as_public(key, encode_json({"doctor": self._name}))
            shown = self._anonymous.shows(self._store.url(key))
        except StoreError as error:
            yield failed_with(_ACL, error, f"no object can be written with {self._facts.acl}: ")
            return
        finally:
            with suppress(StoreError):  # `store delete` has told it already
                self._store.delete(key)
        if self._facts.acl.startswith("public-") and shown.is_hidden:
            yield warn(
                _ACL,
                f"{self._facts.acl} is accepted, and strangers still cannot read such an object",
                "The bucket blocks public ACLs: allow them, or give a policy for what is public.",
            )
            return
        yield ok(_ACL, f"{self._facts.acl} is accepted")


def _folder_to_come(folder: Path) -> Finding:
    there = nearest(folder)
    if os.access(there, os.W_OK | os.X_OK, effective_ids=_BY_EFFECTIVE_USER):
        return ok("store", f"{folder} is not there yet; the first run makes it")
    return fail(
        "store",
        f"{folder} is not there or cannot be seen, and this user may not write to {there}",
        f"Make it, for the user with the id {os.geteuid()}, or set DATAFETCH_STORE.",
    )


class _as_it_was:  # noqa: N801 - used like a function
    """Removes, at its end, the empty folders of the probe that were not there before."""

    def __init__(self, root: Path | None) -> None:
        state = STATE_PREFIX.strip("/").split("/")
        below = [f"{'/'.join(state[: depth + 1])}" for depth in range(len(state))]
        paths = [*below, f"{STATE_PREFIX}probe"] if root is not None else []
        self._missing = [
            root / path for path in paths if root is not None and not is_seen(root / path)
        ]

    def __enter__(self) -> None:
        """Nothing is to be done yet."""

    def __exit__(self, *_: object) -> None:
        """Remove them, the innermost first; one that is no longer empty stays."""
        for path in reversed(self._missing):
            with suppress(OSError):
                path.rmdir()
