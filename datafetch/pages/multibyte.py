"""Decodes the encodings of Chinese, Japanese and Korean pages as browsers do.

The Encoding Standard (encoding.spec.whatwg.org, 10 to 13) says which bytes are a character, and
how reading goes on after bytes that are none: an ASCII byte is never part of a fault, so markup
cannot be swallowed. Python's codecs give the characters, and what they give otherwise than the
Standard is mended here: they are stricter, or follow other editions.
"""

import re
from collections.abc import Callable
from functools import lru_cache

_FAULT = "\ufffd"

_REMEMBERED = 40_000
"""Characters of an encoding; few encodings have more in use."""

_ISO_2022_JP = "iso-2022-jp"
_PAIR = "[\x81-\xfe][\x00-\xff]?"


def decode(body: bytes, encoding: str) -> str:
    """The text of bytes in one of `ENCODINGS`, with U+FFFD for each fault."""
    if encoding == _ISO_2022_JP:
        return _iso_2022_jp(body)
    pattern, character = _KINDS[encoding]
    text = body.decode("latin-1")
    return text if body.isascii() else pattern.sub(lambda token: character(token.group()), text)


def _or_fault(read: Callable[[bytes], str | None]) -> Callable[[str], str]:
    """Make of `read` a function that gives U+FFFD for bytes that are no character, and remembers.

    The function is given the bytes of a token as characters up to U+00FF. When they are no
    character and the last of several is ASCII, that one stands for itself after the U+FFFD.
    """

    @lru_cache(maxsize=_REMEMBERED)
    def character(token: str) -> str:
        found = read(token.encode("latin-1"))
        if found is not None:
            return found
        return _FAULT + token[-1] if len(token) > 1 and token[-1].isascii() else _FAULT

    return character


def _by(codec: str, token: bytes) -> str | None:
    try:
        return token.decode(codec)
    except UnicodeDecodeError:
        return None


# ------------------------------------------------------------------- Japanese


_KATAKANA = 0xA0
_DEL = 0x7F
_EUC_PAIR = re.compile(rb"[\xa1-\xfe]{2}")


def _shift_jis(token: bytes) -> str | None:
    # Microsoft's table gives private characters to these.
    return None if token[0] in b"\xa0\xfd\xfe\xff" else _by("cp932", token)


def _euc_jp(token: bytes) -> str | None:
    if token[0] not in b"\x8e\x8f":
        return _jis_x_0208(token) if _EUC_PAIR.fullmatch(token) else None
    # Python has the tilde of ASCII for this one.
    return "\uff5e" if token == b"\x8f\xa2\xb7" else _by("euc_jp", token)


@lru_cache(maxsize=_REMEMBERED)
def _jis_x_0208(pair: bytes) -> str | None:
    """A character of JIS X 0208 with NEC's and IBM's additions, by its two bytes in EUC-JP.

    Python's EUC-JP has no additions such as `①` and `㈱`; its Shift_JIS has, in other places.
    """
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead = 0x81 + row // 2
    trail = cell + (0x9F if row % 2 else 0x40)
    # Shift_JIS leaves out the bytes of katakana, and DEL.
    lead += 0x40 if lead >= _KATAKANA else 0
    trail += 1 if trail >= _DEL and not row % 2 else 0
    return _by("cp932", bytes([lead, trail]))


_ESCAPES = re.compile(rb"\x1b(\$[@B]|\([BIJ])")
_JIS_TOKEN = re.compile("([!-~][!-~])|[!-~][^\x1b]?|[\x00-\xff]", re.DOTALL)
_NOT_IN_ASCII = dict.fromkeys((0x0E, 0x0F, 0x1B), _FAULT)
_KATAKANA_ONLY = dict.fromkeys(range(256), _FAULT) | {
    byte: 0xFF40 + byte for byte in range(0x21, 0x60)
}
_NOT_IN_ROMAN = {**_NOT_IN_ASCII, 0x5C: "\u00a5", 0x7E: "\u203e"}


def _iso_2022_jp(body: bytes) -> str:
    parts = _ESCAPES.split(body)
    texts = [_of_ascii(parts[0])]
    for number in range(1, len(parts), 2):
        escape, part = parts[number : number + 2]
        if number > 1 and not parts[number - 1]:
            # Two escapes in a row are a fault: they could hide what is between them.
            texts.append(_FAULT)
        texts.append(_READERS[escape](part))
    return "".join(texts)


def _of_ascii(part: bytes) -> str:
    return part.decode("ascii", "replace").translate(_NOT_IN_ASCII)


def _of_roman(part: bytes) -> str:
    return part.decode("ascii", "replace").translate(_NOT_IN_ROMAN)


def _of_katakana(part: bytes) -> str:
    return part.decode("latin-1").translate(_KATAKANA_ONLY)


def _of_jis_x_0208(part: bytes) -> str:
    return _JIS_TOKEN.sub(_jis_character, part.decode("latin-1"))


def _jis_character(token: re.Match[str]) -> str:
    # In EUC-JP the same two bytes have their highest bits set.
    pair = None if token[1] is None else bytes(ord(byte) | 0x80 for byte in token[1])
    return _FAULT if pair is None else _jis_x_0208(pair) or _FAULT


_READERS: dict[bytes, Callable[[bytes], str]] = {
    b"(B": _of_ascii,
    b"(J": _of_roman,
    b"(I": _of_katakana,
    b"$@": _of_jis_x_0208,
    b"$B": _of_jis_x_0208,
}


# ------------------------------------------------------------------- Chinese and Korean


_NEWER_GB18030 = str.maketrans(
    "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\u1e3f"
    "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
    "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\ue7c7"
    "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
)
"""Characters that were private in the edition of 2000, which Python has, and now are Unicode's."""


def _gb18030(token: bytes) -> str | None:
    if token == b"\x80":
        return "€"
    found = _by("gb18030", token)
    if found is None:
        # Of four bytes that fit each other, but are no character, none is read again.
        return _FAULT if token[1:2].isdigit() and token[3:4].isdigit() else None
    return found.translate(_NEWER_GB18030)


def _euc_kr(token: bytes) -> str | None:
    return _by("cp949", token)


def _big5(token: bytes) -> str | None:
    if token in _MORE_BIG5:
        return _MORE_BIG5[token]
    # Microsoft's table has the Standard's signs, the one of Hong Kong its characters.
    return _by("cp950" if token[0] in b"\xa1\xa2" else "big5hkscs", token)


_HKSCS_2008 = (
    "㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁"
    "𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋"
)
"""What the edition of 2008 added, from 87 7A on. Python has that of 2004."""

_SCATTERED_BIG5 = """
8e69箸 8e6f簆 8e7e糎 8eab緒 8eb4縝 8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏 8fcb覦 8fcc覩 8ffe起 906d都 907a銹
90dc靜 90f1響 91bf鼖 9244蔃 92af兙 92b0兛 92b1兝 92b2兞 92c8鍮 92d1瑹 9447浧 94ca禛 95d9邗 9644靝 96ed瀞
96fc嬨 9b76爁 9b78矗 9b7b纇 9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰 9c77菏 9cbc尐
9cbd秣 9cd0婧 9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊 9f60鬮 9f66鼗 9fcb僭 9fd8弌 a063蠏 a077拎 a0d5瑨
a0df煢 a0e4牐 a3e0␡ a3e1€ c6cf廴 c6d3无 c6d5癶 c6d7隶 c6de〃 c6df仝 fa5f倩 fa66偽 fabd包 fac5卄 fad5卿
fb48嘅 fbb8婷 fbf3幵 fbf9廐 fc4f彘 fc6c悤 fcb9撐 fce2晴 fcf1杞 fdb7沜 fdb8渝 fdbb港 fdf1煮 fe52猪 fe6f瑜
feaa瓩 fedd砉
"""
"""Pairs that Python leaves out as doubles of others, with their characters (index-big5.txt)."""

_BIG5_TRAILS = (*range(0x40, 0x7F), *range(0xA1, 0xFF))


def _more_big5() -> dict[bytes, str]:
    after = _BIG5_TRAILS.index(0x7A)
    places = [(0x87, trail) for trail in _BIG5_TRAILS[after : after + len(_HKSCS_2008)]]
    found = {bytes(place): character for place, character in zip(places, _HKSCS_2008, strict=True)}
    found |= {bytes([0xA3, 0xC0 + control]): chr(0x2400 + control) for control in range(0x20)}
    return found | {bytes.fromhex(item[:4]): item[4:] for item in _SCATTERED_BIG5.split()}


_MORE_BIG5 = _more_big5()

_KINDS: dict[str, tuple[re.Pattern[str], Callable[[str], str]]] = {
    encoding: (re.compile(pattern), _or_fault(read))
    for encoding, pattern, read in (
        ("shift_jis", "[\x81-\x9f\xe0-\xfc][\x00-\xff]?|[\xa0-\xdf\xfd-\xff]", _shift_jis),
        (
            "euc-jp",
            "\x8f[\xa1-\xfe][\x00-\xff]?|[\x8e\x8f\xa1-\xfe][\x00-\xff]?|[\x80-\xff]",
            _euc_jp,
        ),
        ("big5", _PAIR + "|[\x80\xff]", _big5),
        ("euc-kr", _PAIR + "|[\x80\xff]", _euc_kr),
        ("gbk", "[\x81-\xfe][0-9][\x81-\xfe][0-9]|" + _PAIR + "|[\x80\xff]", _gb18030),
    )
}
_KINDS["gb18030"] = _KINDS["gbk"]
"""For each encoding what its characters beyond ASCII look like, and how one is read."""

ENCODINGS = frozenset({*_KINDS, _ISO_2022_JP})
"""Those that `decode` knows, by the Standard's names in lower case."""
