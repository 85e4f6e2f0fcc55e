"""The entries of the logo manifest: ours, and those of the old site, which are taken over.

An entry of the old site is `{cdnUrl, originalSource, invertedCdnUrl?}`: it says where the picture
is, but not what it is. It stays as it was found until a run has looked at its picture. Fields that
datafetch does not make, such as `invertedCdnUrl`, stay in entries of both kinds.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from datafetch.addresses import OwnHosts, for_visitors
from datafetch.errors import CorruptObject
from datafetch.logos.model import OWN_FIELDS, Logo, source_name
from datafetch.models.json import encode_json
from datafetch.urls import parse, resolve

_TEXT = ("utf-8", "surrogatepass")

_PICTURE = re.compile(r"/(images/logos(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}){1,3})\Z")
"""The end of a URL's path that names a logo's picture; the old site's CDN may have a path before."""

_ANY_BASE = "https://cdn.invalid/"
"""What a path alone resolves against: the old site wrote such ones when it had no CDN."""


@dataclass(frozen=True, slots=True)
class OldLogo:
    """An entry of the old site.

    Attributes:
        key: the object that holds the picture; None when the entry has its dark variant only.
        text: the entry as it was found, as JSON; but where it has no `cdnUrl` it has that of the
            dark variant: readers refuse the whole manifest when one is empty.
    """

    key: str | None
    text: str

    @property
    def original_source(self) -> str:
        """The provider that the old site names, such as `clearbit`; `unknown` without one."""
        source = json.loads(self.text).get("originalSource")
        return source_name(source) if isinstance(source, str) and source else "unknown"

    @property
    def url(self) -> str | None:
        """Where visitors load it, as the old site wrote it; None when it wrote no text there."""
        found = json.loads(self.text).get("cdnUrl")
        return found if isinstance(found, str) else None

    @property
    def others(self) -> str:
        """See `Logo.others`."""
        return others_of(json.loads(self.text))


Entry = Logo | OldLogo


def read_entry(value: object) -> Entry:
    """Read an entry of the manifest.

    Raises:
        CorruptObject: it is neither ours nor one of the old site.
    """
    try:
        logo = Logo.from_json(value)
    except CorruptObject:
        old = _old_entry(value)
        if old is None:
            raise
        return old
    assert isinstance(value, dict)
    return replace(logo, others=others_of(value))


def _old_entry(value: object) -> OldLogo | None:
    """The entry of the old site; None when it is none."""
    if not isinstance(value, dict) or OWN_FIELDS & value.keys():
        return None
    dark = value.get("invertedCdnUrl")
    filled = value if value.get("cdnUrl") else {**value, "cdnUrl": dark}
    key = _key_in(filled)
    is_dark_only = isinstance(dark, str) and dark and filled["cdnUrl"] == dark
    return OldLogo(key, encode_json(filled).decode()) if key or is_dark_only else None


def _key_in(entry: Mapping[str, object]) -> str | None:
    url = entry.get("cdnUrl")
    return picture_key(url) if isinstance(url, str) and url != entry.get("invertedCdnUrl") else None


def shown(entry: Entry, own: OwnHosts, url_of: Callable[[str], str]) -> Entry | None:
    """The entry without addresses that visitors' browsers should not ask for.

    Each such address is replaced by the URL that `url_of` gives for the key in it, or left out when
    it has no key of a stored picture; all other addresses stay. None when nothing is left that
    names a picture. `own` are the user's own hosts.
    """
    if isinstance(entry, Logo) and not entry.others:
        return entry
    before = json.loads(entry.text if isinstance(entry, OldLogo) else entry.others)
    after = {}
    for name, value in before.items():
        kept = value
        if isinstance(value, str) and parse(value) and for_visitors(value, own) is None:
            key = picture_key(value)
            kept = None if key is None else url_of(key)
        if kept is not None or value is None:
            after[name] = kept
    if after == before:
        return entry
    if isinstance(entry, OldLogo):
        return _old_entry(after)
    return replace(entry, others=encode_json(after).decode() if after else "")


def picture_key(url: str) -> str | None:
    """The key of the logo's picture that a URL names, whatever its base; None when it names none."""
    read = parse(resolve(url, _ANY_BASE) or "")
    found = None if read is None else _PICTURE.search(unquote(read.path))
    return None if found is None else found[1]


def others_of(entry: Mapping[str, object]) -> str:
    """The fields of an entry that datafetch does not make, as a JSON object; empty without any."""
    made = OWN_FIELDS | {"cdnUrl", "originalSource", "etag"}
    others = {name: value for name, value in entry.items() if name not in made}
    return encode_json(others).decode() if others else ""


def entry_text(entry: Entry, url_of: Callable[[Logo], str]) -> str:
    """The entry as it is stored; `url_of` gives the public URL of a logo of ours."""
    return entry.text if isinstance(entry, OldLogo) else entry.to_json(url_of(entry))


def packed(entry: Entry, key_start: Callable[[str], str]) -> bytes:
    """The entry in few bytes; `key_start` gives the start of its domain's keys, by source."""
    if isinstance(entry, OldLogo):
        return entry.text.encode(*_TEXT)
    return entry.packed(key_start(entry.original_source))


def unpacked(stored: bytes, key_start: Callable[[str], str]) -> Entry:
    """The entry that was packed."""
    if not stored.startswith(b"{"):
        return Logo.unpacked(stored, key_start)
    text = stored.decode(*_TEXT)
    return OldLogo(_key_in(json.loads(text)), text)
