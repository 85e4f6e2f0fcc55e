"""What a header and a page say of their encoding."""

import codecs
from pathlib import Path

import pytest

from datafetch.pages.prescan import from_header, from_page, language_of

SUITE = Path(__file__).parents[3] / "shared" / "suites" / "encoding" / "html5lib"
FILES = ("tests1.dat", "tests2.dat", "test-yahoo-jp.dat")


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("text/html; charset=utf-8", "utf-8"),
        ("text/html;CHARSET=Windows-1251", "windows-1251"),
        ('text/html; charset="big5"', "big5"),
        ('text/html; x="charset=koi8-r"; charset=gbk ; y=z', "gbk"),
        ("text/html; charset=nonsense; charset=euc-kr", "euc-kr"),
        ("text/html; charset=sjis, text/html", "shift_jis"),
        ("text/html; charset=utf-16", "utf-16le"),
        ("text/html; charset=hz-gb-2312", "replacement"),
        # Browsers refuse the spaces and the single quotes of these two. They are meant.
        ("text/html; Charset = latin1", "windows-1252"),
        ("text/html; charset='latin1'", "windows-1252"),
        ("text/html; charset=", None),
        ("text/html; charset", None),
        ("text/html; charset=nonsense", None),
        ("text/html; x-charset=utf-8", None),
        ("charset=utf-8", None),
        ("text/html", None),
        ("", None),
        ("text/html; charset=utf-8\u212a", None),
    ],
)
def test_headers(header, encoding):
    """The parameter `charset` of the header counts, where it names what browsers know."""
    assert from_header(header) == encoding


@pytest.mark.parametrize(
    ("page", "encoding"),
    [
        (b"<meta charset=koi8-r>", "koi8-r"),
        (b"<META CharSet = ' KOI8-R '>", "koi8-r"),
        (b"<meta/charset=koi8-r>", "koi8-r"),
        (b"<meta a=b charset=koi8-r charset=gbk>", "koi8-r"),
        (b'<meta content="text/html; charset=gbk" http-equiv=Content-Type>', "gbk"),
        (b"<meta http-equiv=content-type content=\"x charset charset = 'gbk' \">", "gbk"),
        (b"<meta http-equiv=content-type content='text/html; charset=big5; x'>", "big5"),
        (b"<meta charset=rot13><meta charset=gbk>", "gbk"),
        (b"<meta charset=><meta name=x charset=gbk>", "gbk"),
        (b"<!--><meta charset=koi8-r>-->", "koi8-r"),
        (b"<!-- <meta charset=gbk> --><meta charset=koi8-r>", "koi8-r"),
        (b"<script>'<meta charset=koi8-r>'</script>", "koi8-r"),
        (b"<meta charset=utf-16>", "utf-8"),
        (b"<meta charset=x-user-defined>", "windows-1252"),
        (b"<meta charset=iso-2022-kr>", "replacement"),
        (b'<?xml version="1.0" encoding="iso-8859-2"?>', "iso-8859-2"),
        (b"<?xml encoding='utf-16be'?>", "utf-8"),
        (b"<?xml encoding='gbk'?><meta charset=koi8-r>", "koi8-r"),
        ('<?xml version="1.0"?>'.encode("utf-16-le"), "utf-16le"),
        ('<?xml version="1.0"?>'.encode("utf-16-be"), "utf-16be"),
        (b" " * 16_363 + b"<meta charset=koi8-r>", "koi8-r"),
        (b" " * 16_364 + b"<meta charset=koi8-r>", None),
        (b'<meta http-equiv=x content="text/html; charset=big5">', None),
        (b'<meta content="text/html; charset=big5">', None),
        (b"<metacharset=koi8-r>", None),
        (b"<meta x='<meta charset=koi8-r>'>", None),
        (b'<div x="<meta charset=koi8-r>">', None),
        (b"</div x='<meta charset=koi8-r>'>", None),
        (b"<!-- <meta charset=koi8-r>", None),
        (b"<! <meta charset=koi8-r>", None),
        (b"<meta charset=koi8-r", None),
        (b"<meta charset='koi8-r", None),
        (b"<meta charset=rot13>", None),
        (b"<?xml encoding=gbk?>", None),
        (b" <?xml encoding='gbk'?>", None),
        (b"", None),
    ],
)
def test_pages(page, encoding):
    """A page's first declaration counts that browsers know, where browsers find declarations."""
    assert from_page(page) == encoding


@pytest.mark.parametrize(
    ("page", "language"),
    [
        (b"<!doctype html><HTML class='a>b' lang=ja-JP>", "ja-jp"),
        (b"<html xml:lang='zh_TW'>", "zh-tw"),
        (b"<html lang='' xml:lang=ko>", "ko"),
        (b"<html><p lang=ja>", None),
        (b"<htmlx lang=ja>", None),
        (b"<html lang=ja", None),
        (b"", None),
    ],
)
def test_languages(page, language):
    """The language of a page is that of its first element."""
    assert language_of(page) == language


def cases():
    """The pages of html5lib's tests, and the encoding that each declares, or the usual one."""
    for name in FILES:
        text = (SUITE / name).read_bytes()
        for case in text.split(b"#data\n")[1:]:
            page, _, encoding = case.partition(b"\n#encoding\n")
            # A byte order mark counts before any declaration: see test_charset.py.
            if not page.startswith(codecs.BOM_UTF8):
                yield page, encoding.split(b"\n")[0].strip().decode().lower()


@pytest.mark.skipif(not SUITE.exists(), reason="html5lib's tests of encodings are not here")
def test_pages_of_html5lib():
    """What html5lib's tests of the prescan ask for is read, without an exception."""
    tried = list(cases())
    wrong = [
        (page, encoding, found)
        for page, encoding in tried
        if (found := from_page(page) or "windows-1252") != encoding
    ]
    assert wrong == []
    assert len(tried) >= 60


HOSTILE = {
    "metas that a blank follows": b"<meta" * 90 + b" charset=" + b" " * 4000 + b"!",
    "metas": b"<meta" * 4000,
    "metas without an end": b"<meta " * 3000,
    "comments": b"<!--" * 4000,
    "names": b"<meta http-equiv=content-type content='" + b"charset" * 2000 + b"'>",
    "names with blanks": b"<meta http-equiv=content-type content='" + b"charset " * 2000 + b"'>",
    "quotes": b"<meta http-equiv=content-type content='" + b'charset="' * 1800 + b"'>",
    "declarations": b"<?xml " + b"encoding " * 1800 + b"?>",
    "attributes": b"<html " + b"lang " * 3000,
}


@pytest.mark.timeout(20)  # with a pattern that backtracks one of these takes minutes
@pytest.mark.parametrize("page", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pages_cost_linear_time(page):
    """A page that makes a pattern try the same bytes again and again is read at once."""
    for _ in range(20):
        assert from_page(page) is None
        assert language_of(page) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("filler", [" ", ";", "charset", "charset=", "=", "'", ";charset="])
def test_hostile_headers_cost_linear_time(filler):
    """A header of 64,000 characters is read at once, its first 4096 characters that is."""
    for _ in range(20):
        assert from_header("text/html; charset=" + filler * 64_000 + "; charset=gbk") is None
    assert from_header("text/html;" + " " * 4000 + "; charset=gbk") == "gbk"
