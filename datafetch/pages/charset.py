"""Decodes a page by its byte order mark, header or `<meta>`, unless its bytes contradict these.

Labels and the encodings they stand for are those of the WHATWG Encoding Standard
(encoding.spec.whatwg.org, "Names and labels"), as Python's codecs know them.
"""

import codecs
import re

_FALLBACK = "cp1252"
"""The encoding that browsers in western locales assume when none is declared."""

_PRESCAN = 16 * 1024
"""Browsers look for a declaration in the first 1024 bytes; many pages have it further down."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(
    rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)
_XML = re.compile(
    rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)

_LABELS = {
    "utf-8": "utf8 utf-8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
    "utf-16-le": "utf-16 utf-16le unicode ucs-2 iso-10646-ucs-2 csunicode unicodefeff",
    "utf-16-be": "utf-16be unicodefffe",
    "cp1252": "ascii us-ascii ansi_x3.4-1968 cp1252 cp819 ibm819 iso-8859-1 iso8859-1 iso88591 "
    "iso_8859-1 l1 latin1 windows-1252 x-cp1252 x-user-defined",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 windows-1254 x-cp1254 iso-8859-9 iso8859-9 iso_8859-9 l5 latin5",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "cp874": "dos-874 iso-8859-11 iso8859-11 tis-620 windows-874",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 l2 latin2",
    "iso8859-3": "iso-8859-3 iso8859-3 l3 latin3",
    "iso8859-4": "iso-8859-4 iso8859-4 l4 latin4",
    "iso8859-5": "iso-8859-5 iso8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 iso8859-6 arabic asmo-708 ecma-114",
    "iso8859-7": "iso-8859-7 iso8859-7 greek ecma-118 elot_928",
    "iso8859-8": "iso-8859-8 iso8859-8 iso-8859-8-i hebrew visual logical",
    "iso8859-10": "iso-8859-10 iso8859-10 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13",
    "iso8859-14": "iso-8859-14 iso8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 l9 latin9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi koi8 koi8-r koi8_r cskoi8r",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "gb18030 gbk gb2312 gb_2312-80 chinese csgb2312 x-gbk iso-ir-58",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "euc-jp x-euc-jp cseucpkdfmtjapanese",
    "iso2022_jp": "iso-2022-jp csiso2022jp",
    "cp932": "shift_jis shift-jis sjis x-sjis ms932 ms_kanji csshiftjis windows-31j",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949 cseuckr",
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}


def decode_page(body: bytes, content_type: str = "") -> str:
    """Decode a page, or the beginning of one, whose last character may be cut. Never fails.

    A byte order mark counts first, then the header, then the page's own tags. Bytes that are
    valid UTF-8 and not ASCII are read as UTF-8, even when another encoding was declared. Without
    another declared encoding, bytes that are mostly not UTF-8 are read as windows-1252.

    Args:
        body: the bytes.
        content_type: the header of that name.
    """
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    said = declared(body, content_type)
    if said in ("utf-16-le", "utf-16-be"):
        # Markup is ASCII, which in UTF-16 has a zero in every other byte.
        if b"\x00" in body[:_PRESCAN]:
            return body.decode(said, "replace")
        said = None
    if said not in (None, "utf-8") and not body.isascii() and _fits(body, "utf-8"):
        # Many servers declare their default for every page; hardly any text in another encoding
        # is valid UTF-8 by accident.
        said = "utf-8"
    if said is None or said == "utf-8":
        return _utf8_or_western(body)
    better = "utf-8" if not _fits(body, said) and _fits(body, "utf-8") else said
    return body.decode(better, "replace")


def declared(body: bytes, content_type: str) -> str | None:
    """The codec that the header names, or else the page; None when neither names a known one."""
    parameter = _PARAMETER.search(content_type)
    named = _CODECS.get(parameter.group(1).lower()) if parameter else None
    if named is not None:
        return named
    visible = _COMMENT.sub(b"", body[:_PRESCAN])
    for pattern in (_META, _XML):
        found = pattern.search(visible)
        if found:
            codec = _CODECS.get(found.group(1).decode("ascii").lower())
            # A page in which this was found as ASCII is no UTF-16 (HTML, 13.2.3.2).
            return "utf-8" if codec in ("utf-16-le", "utf-16-be") else codec
    return None


def _utf8_or_western(body: bytes) -> str:
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(body, final=False)
    broken = text.count("\ufffd")
    if broken == 0:
        return text
    foreign = sum(1 for character in text if character > "\x7f")
    # Few broken characters among good ones are damage; with many the page is not UTF-8.
    return text if broken * 2 < foreign else body.decode(_FALLBACK, "replace")


def _fits(body: bytes, codec: str) -> bool:
    """Whether the bytes are valid in this encoding; the last character may be cut."""
    try:
        codecs.getincrementaldecoder(codec)().decode(body, final=False)
    except UnicodeError:
        return False
    return True
