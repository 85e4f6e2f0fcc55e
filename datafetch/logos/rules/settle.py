"""Decides whether the logo that a share has found takes the place of the one that is stored now."""

from dataclasses import replace

from datafetch.logos.model import Logo
from datafetch.logos.rules.entries import Entry
from datafetch.models.own_result import Order, OwnResult, stays


def settled(own: OwnResult[Entry], stored: Entry | None) -> Logo | None:
    """The share's logo, if it replaces the `stored` entry; None if the stored entry stays.

    Fields that others have added to an entry are not compared; the stored ones stay in any case.
    """
    after, there = own.after, bare(stored)
    before, made = bare(own.before), bare(after)
    if made is None or made in (before, there) or not isinstance(after, Logo):
        return None
    return after if stays(OwnResult(before, made), there, _order) == made else None


def bare(entry: Entry | None) -> Entry | None:
    """The entry without the fields that others have added."""
    return replace(entry, others="") if isinstance(entry, Logo) else entry


def _order(entry: Entry) -> Order:
    """Orders the entries of one domain by the time of their logo; those of the old site come first."""
    if isinstance(entry, Logo):
        return entry.fetched_at, entry.to_json("")
    return -1, entry.text
