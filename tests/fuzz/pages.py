"""Web pages: their encoding, their head, and what the jobs make of it."""

from datafetch.logos.site_icons import holds_its_head, icons_to_try
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.opengraph.model import Description
from datafetch.opengraph.rules.belief import Known, judge
from datafetch.opengraph.rules.tags import describe, tidy
from datafetch.opengraph.webpage import BarePicture, WebPages
from datafetch.pages.charset import decode_page
from datafetch.pages.prescan import from_header
from datafetch.pages.refresh import read_refresh
from tests.fuzz.canned import Canned, answer_of, parts_of
from tests.fuzz.target import KB, Target, shapes, text_of
from tests.job_settings import opengraph_settings

_URL = "https://site.example/a/page?x=1"
_SETTINGS: OpenGraphSettings = opengraph_settings()
_STORED = Description(
    final_url=_URL,
    title="A page | The Site",
    description="Words about it, of the site.",
    image_url=None,
)
_CAP = 512 * KB


def _page(data: bytes) -> None:
    head = WebPages(Canned(data), _SETTINGS).read(_URL)
    if head is not None and not isinstance(head, BarePicture):
        judge(Known(_URL, _STORED, None), head, describe(head), 1)


def _icons(data: bytes) -> None:
    _, headers, body = parts_of(data)
    holds_its_head(body, headers)
    text = decode_page(body, headers.get("content-type", ""))
    list(icons_to_try(text, _URL, ()))


def _encoding(data: bytes) -> None:
    header, _, body = data.partition(b"\n")
    from_header(header.decode("latin-1"))
    decode_page(body, header.decode("latin-1"))


def _refresh(data: bytes) -> None:
    read_refresh(text_of(data), _URL, "https://site.example/base/")


_HEAD = b"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page &amp; more</title>
<base href="/b/"><meta property="og:title" content="A page"><meta name=description content='d&eacute;but'>
<meta property="og:image" content="pic.png"><meta http-equiv="refresh" content="9; url=/next">
<link rel="icon" href="/i.png" sizes="32x32 64x64"><link rel=icon href="data:image/png;base64,AAAA">
<script><!-- <script> </script> --></script><noscript><meta name=x content=y></noscript>
<svg><title>no</title><style>a</style></svg><template><title>t</title></template></head><body>"""

_SHAPES = (
    *(b"<", b"<!", b"<!--", b"--!", b"<!-->", b"</", b"<a", b"<a ", b"<a b", b"<a b=", b"<a b='", b"<?"),
    *(b"<meta", b"<meta ", b"<meta name", b"<meta name=a content=b>", b"<meta charset=", b"<base href=//>"),
    *(b"<title>", b"</title", b"<title", b"<script>", b"</script", b"<script><!--<script>", b"<style>"),
    *(b"<svg>", b"<svg><title>", b"<math>", b"<template>", b"</template>", b"<noscript>", b"<![CDATA["),
    *(b"<link rel=icon href=", b"<link rel=icon href=/a>", b"<link rel='a b c d' href=a>", b"<body", b"<p>"),
    *(b"&", b"&amp;", b"&#", b"&#1", b"&#x41;", b"&eacute;", b"a&eacute;", b"&a", b"&#99999999999999;"),
    *(b" ", b"\t\n", b"=", b"'", b'"', b"\0", b"\xff", b"\x1b$B", b"\x1b(B", b"\x82\xa0", b"\x81\x30\x81\x30"),
    *("ж".encode(), "ｱ".encode(), "á".encode("latin-1"), "שלום ".encode("cp1255"), b"charset=", b"a b=c "),
    *(b'<meta http-equiv=refresh content="0;url=">', b"<meta property='og:image' content='&amp;&amp;'>"),
    *(b'<meta property="og:title" content="a | a - a">', b"<a \xd1 ", b"<html lang=ru> \xf0\xf1\xf2 "),
)  # fmt: skip

_HTML = "text/html; charset=utf-8"
TARGETS = (
    Target(
        "page",
        _page,
        (
            answer_of(_HEAD + b"<p>words</p></body>", content_type=_HTML, refresh="9;url=/x"),
            answer_of(_HEAD.replace(b"utf-8", b"windows-1251") + "Привет".encode("cp1251")),
            answer_of("<title>日本語</title>".encode("shift_jis"), content_type="text/html"),
            answer_of(
                b"<?xml version='1.0' encoding='koi8-r'?><html><title>\xd0\xd2",
                content_type="application/xhtml+xml",
            ),
            answer_of("\ufeff<title>x</title>".encode("utf-16-le"), content_type="text/html"),
        ),
        shapes(answer_of(b"<head>", content_type="text/html"), _SHAPES)
        + shapes(answer_of(b"<title>x</title>", content_type="text/html"), _SHAPES, b"><body>x"),
        _CAP,
    ),
    Target(
        "icons",
        _icons,
        (answer_of(_HEAD, content_type=_HTML),),
        shapes(answer_of(b""), _SHAPES),
        _CAP,
    ),
    Target(
        "encoding",
        _encoding,
        (
            b"text/html; charset=utf-8\n<meta charset=koi8-r>\xd0\xd2\xc9",
            b"text/html\n<html lang=ja>" + "日本語の文章です。".encode("euc-jp"),
            b"text/html\n<html lang=pl>" + "Zażółć gęślą jaźń".encode("cp1250"),
            b"\n" + "Это обычный русский текст без кодировки".encode("cp1251"),
            b"\n" + "שלום עולם".encode("cp1255") + b" " + "ภาษาไทย".encode("cp874"),
            b"\n<meta http-equiv=content-type content='text/html; charset=gb18030'>\x81\x30\x81\x30",
            b"\n\x1b$B%F%9%H\x1b(B",
        ),
        shapes(b"text/html\n", _SHAPES)
        + shapes(b"\n<html lang=ja>\xff", _SHAPES)
        + shapes(b"text/html", (b"; charset=", b";charset=a", b" ", b";", b'"')),
        _CAP,
    ),
    Target(
        "refresh",
        _refresh,
        (b"5; url='/next'", b"0;URL=http://a.example/", b".5,x"),
        shapes(b"", (b" ", b"1", b";", b".", b"url ", b"u"))
        + shapes(b"5;url='", (b" ", b"a", b"/../", b"%", b"\\")),
    ),
    Target(
        "words",
        lambda data: tidy(text_of(data)),
        ("d&eacute;but &amp; a&#769; \u202e".encode(),),
        shapes(b"", (b"&", b"&eacute;", b"a&eacute;", b"&eacute", " \u200b".encode(), b"&#")),
        64 * KB,
    ),
)
