"""Asks a store, by a handful of requests, what of S3 its server holds."""

from collections.abc import Callable
from dataclasses import dataclass

from datafetch.errors import NotSupported, PreconditionFailed, StoreError, StoreUnavailable
from datafetch.store.base import EtagForm, IfAbsent, IfMatch
from datafetch.store.s3 import S3Store

KEY = "json/bookmarks/probe.json"


@dataclass(frozen=True)
class Holds:
    """What a server holds, each as a word or two: `yes`, `refused`, `ignored`, `unknown`, or an error's name.

    Attributes:
        create: of two writes with `If-None-Match: *`, the second is refused.
        quoted, unquoted: a write with `If-Match` and the ETag in this form is taken when the ETag
            is that of the object, and refused when it is an older one.
        listing: what is stored is listed, and the rest is not.
        delete: an object is gone afterwards, and may be deleted again.
        times: the server says when an object was written, and what time it is.
        acl: a write that names an ACL is taken.
    """

    create: str
    quoted: str
    unquoted: str
    listing: str
    delete: str
    times: str
    acl: str


def what_holds(store: S3Store, with_acl: S3Store) -> Holds:
    """Ask a store in an empty bucket, and another of the same bucket that sends an ACL."""
    return Holds(
        create=_said(lambda: _create(store)),
        quoted=_said(lambda: _if_match(store, EtagForm.QUOTED)),
        unquoted=_said(lambda: _if_match(store, EtagForm.UNQUOTED)),
        listing=_said(lambda: _listing(store)),
        delete=_said(lambda: _delete(store)),
        times=_said(lambda: _times(store)),
        acl=_said(lambda: _acl(with_acl)),
    )


def _said(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except NotSupported:
        return "unknown"
    except StoreError as error:
        return type(error).__name__


def _create(store: S3Store) -> str:
    store.put(KEY, b"first", condition=IfAbsent())
    try:
        store.put(KEY, b"second", condition=IfAbsent())
    except PreconditionFailed:
        return "yes"
    return "ignored"


def _if_match(store: S3Store, form: EtagForm) -> str:
    before, store.etag_form = store.etag_form, form
    try:
        older = store.put(KEY, b"older")
        fresh = store.put(KEY, b"fresh")
        try:
            store.put(KEY, b"newer", condition=IfMatch(fresh))
        except PreconditionFailed:
            return "refused"
        try:
            store.put(KEY, b"newest", condition=IfMatch(older))
        except PreconditionFailed:
            return "yes"
        return "ignored"
    finally:
        store.etag_form = before


def _listing(store: S3Store) -> str:
    keys = [f"json/bookmarks/listed/{name}.json" for name in ("a", "b c", "d")]
    for key in [*keys, "json/other.json"]:
        store.put(key, b"{}")
    listed = [info.key for info in store.list("json/bookmarks/listed/")]
    return "yes" if listed == keys else "wrong"


def _delete(store: S3Store) -> str:
    store.put(KEY, b"{}")
    store.delete(KEY)
    store.delete(KEY)
    return "wrong" if KEY in [info.key for info in store.list("")] else "yes"


def _times(store: S3Store) -> str:
    store.put(KEY, b"{}")
    age_s = store.get(KEY).age_s
    return "no" if age_s is None else "yes"


def _acl(store: S3Store) -> str:
    try:
        store.put("images/logos/acl.png", b"1", content_type="image/png")
    except StoreUnavailable as error:
        if "S3_OBJECT_ACL" in error.hint:
            return "refused"
        raise
    return "yes"
