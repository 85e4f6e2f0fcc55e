"""Which domains want a logo: those of the stored bookmarks, then those of the user's files."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from datafetch.errors import CorruptObject, ObjectNotFound, UsageError
from datafetch.job import JobContext
from datafetch.logos.domain_files import read_domain_files
from datafetch.logos.rules.domains import FIELDS, bookmark_domain, domains_of, normalise
from datafetch.models.job_settings import LogoSettings
from datafetch.runtime.engine import together
from datafetch.store.base import OpenedObject, read_json
from datafetch.store.json_stream import fields, members


def domains_in_scope(context: JobContext) -> list[str]:
    """The domains named by the user, or else all that are known; each once.

    Raises:
        UsageError: a name that the user gave is no domain.
        ConfigurationError: a file of domains is missing or cannot be read.
        CorruptObject: the stored bookmarks cannot be read.
        StoreError: the store did not answer.
    """
    if context.options.only:
        return list(dict.fromkeys(_named(name) for name in context.options.only))
    settings: LogoSettings = context.settings
    files = read_domain_files(settings.domain_files, FIELDS)
    domains = dict.fromkeys(_bookmark_domains(context))
    domains.update(dict.fromkeys(domains_of(files)))
    return list(domains)


def _named(name: str) -> str:
    domain = normalise(name)
    if domain is None:
        raise UsageError(f"{name} is not a public domain", hint="Give it like example.com.")
    return domain


def _bookmark_domains(context: JobContext) -> Iterator[str]:
    """By the slug mapping when it belongs to the list: it is a tenth of it and has every URL."""
    with ExitStack() as opened:
        path: tuple[str, ...] = ("slugs",)
        found = _mapping(context, opened)
        if found is None:
            try:
                found, path = opened.enter_context(context.store.open(context.keys.bookmarks())), ()
            except ObjectNotFound:
                context.log.info("no_bookmarks_stored")
                return
        try:
            for _, item in members(found.chunks(), *path):
                domain = bookmark_domain(item)
                if domain is not None:
                    yield domain
        except ValueError as error:
            raise CorruptObject(
                f"{found.info.key} cannot be read: {error}",
                key=found.info.key,
                hint="Run `datafetch bookmarks`, which repairs it, and try again.",
            ) from error


def _mapping(context: JobContext, opened: ExitStack) -> OpenedObject | None:
    """The slug mapping, None unless it has the checksum of the list's index."""
    try:
        index, found = together(
            lambda: read_json(context.store, context.keys.bookmarks_index()),
            lambda: opened.enter_context(context.store.open(context.keys.slug_mapping())),
        )
        checksum = _member(index[0], "checksum") if index is not None else None
        if checksum is None:
            return None
        named = (value for name, value in fields(found.chunks()) if name == "checksum")
        return found if next(named, None) == checksum else None
    except (CorruptObject, ObjectNotFound, ValueError):
        return None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
