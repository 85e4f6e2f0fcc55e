"""SVG pictures: those that neither run nor fetch anything pass, with their size."""

import io
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.pictures.images import inspect
from datafetch.pictures.svg import looks_like_svg, read_svg
from datafetch.upstream_errors import Malformed, Refused, TooLarge
from tests.pictures.test_images import look

# A document type as Illustrator writes it.
ILLUSTRATOR = """<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
\t<!ENTITY ns_extend "http://ns.adobe.com/Extensibility/1.0/">
\t<!-- a comment: ]> -->
\t<?instruction ]> ?>
\t<!ENTITY odd ']>'>
]>"""
NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg_size(data: bytes) -> tuple[int, int]:
    """The size of a picture that is safe."""
    return read_svg(data).size


def svg(inside: str = "", attributes: str = 'width="20" height="10"', before: str = "") -> bytes:
    """A picture around some content."""
    return f"{before}<svg {NS} {attributes}>{inside}</svg>".encode()


@pytest.mark.parametrize(
    "inside",
    [
        '<rect width="3" height="3" fill="#fff"/>',
        '<style>.a{fill:url(#g);stroke:red}</style><path class="a" d="M0 0"/>',
        '<defs><linearGradient id="g"/></defs><rect fill="url(#g)" style="fill: url( \'#g\' )"/>',
        '<use href="#g"/><use xlink:href="#g"/>',
        '<image href="data:image/png;base64,iVBORw0KGgo="/>',
        "<title>on&amp;off: javascript is fun</title><desc>see http://example.com</desc>",
        '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about=""/></metadata>',
        '<animate attributeName="opacity" values="0;1" dur="1s"/>',
        "<!-- a comment -->",
    ],
)
def test_harmless_pictures_pass(inside: str) -> None:
    """Gradients, styles, references within the file, embedded raster and metadata are fine."""
    assert svg_size(svg(inside)) == (20, 10)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<script xlink:href="#x"/>',
        '<SCRIPT xmlns="">alert(1)</SCRIPT>',
        '<x:script xmlns:x="http://www.w3.org/2000/svg">1</x:script>',
        '<rect onclick="alert(1)"/>',
        '<rect ONLOAD="alert(1)"/>',
        "<foreignObject><p/></foreignObject>",
        '<p xmlns="http://www.w3.org/1999/xhtml"/>',
        '<iframe src="#"/>',
        '<a href="javascript:alert(1)"><rect/></a>',
        '<a href="java&#10;script:alert(1)"><rect/></a>',
        '<a href=" JaVaScript:alert(1)"><rect/></a>',
        '<a xlink:href="https://example.com/"><rect/></a>',
        '<use href="other.svg#x"/>',
        '<use href="//evil.example/x.svg#x"/>',
        '<image href="https://evil.example/track.png"/>',
        '<image href="data:text/html,x"/>',
        '<image href="data:image/svg+xml,x"/>',
        '<image href="file:///etc/passwd"/>',
        '<rect fill="url(https://evil.example/x)"/>',
        '<rect style="background: URL( &quot;//evil.example/x&quot; )"/>',
        "<style>@import 'https://evil.example/x.css';</style>",
        "<style>@IMPORT url(#a);</style>",
        "<style>a{background:url(https://evil.example/x)}</style>",
        "<style>a{background:u\\72l(https://evil.example/x)}</style>",
        "<style>a{background:image-set('https://evil.example/x' 1x)}</style>",
        "<style>@font-face{font-family:x;src:url(#x)}</style>",
        "<style><![CDATA[a{background:url(x.png)}]]></style>",
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<animate attributeName="xlink:href" values="#a;#b"/>',
        '<set attributeName="onclick" to="x"/>',
        '<set attributeName="xml:base" to="https://evil.example/"/>',
        '<g xml:base="https://evil.example/"/>',
        '<?xml-stylesheet href="https://evil.example/x.css"?>',
    ],
)
def test_active_pictures_are_refused(inside: str) -> None:
    """No scripts, no handlers, no foreign content, and nothing that leads out of the file."""
    with pytest.raises(Refused):
        svg_size(svg(inside))
    with pytest.raises(Refused):
        look(svg(inside))


@pytest.mark.parametrize("blank", ["\xa0", "\x7f", "\x85", "\u2003", "\u2028", "\u3000", "x y"])
@pytest.mark.parametrize(
    "inside",
    [
        '<image href="{blank}"/>',
        '<image href="{blank}#a"/>',
        '<use xlink:href=" {blank}#a"/>',
        '<feImage href="{blank}data:image/png;base64,AAAA"/>',
        "<style>svg{{background:url({blank}#a)}}</style>",
        "<style>svg{{background:url('{blank}#a')}}</style>",
        '<rect mask="url(&quot;{blank}#a&quot;)"/>',
    ],
)
def test_only_the_blanks_of_addresses_stand_for_nothing(inside: str, blank: str) -> None:
    """A no-break space or a DEL before `#` makes a path of it, which browsers ask for."""
    with pytest.raises(Refused, match="outside of it"):
        svg_size(svg(inside.format(blank=blank)))


@pytest.mark.parametrize(
    "inside",
    [
        '<use href=" &#9;#a&#10; "/><use href="#&#13;a"/>',
        '<image href=" data:image/p&#10;ng;base64,AAAA"/>',
        '<image href="  "/>',
        "<style>svg{fill:url( '#a' );stroke:url(\n#b)}</style>",
    ],
)
def test_blanks_that_browsers_leave_out_are_left_out(inside: str) -> None:
    """Spaces around an address, and tabs and line breaks in it, change nothing."""
    assert svg_size(svg(inside)) == (20, 10)


def test_notes_of_drawing_programs_are_no_styles() -> None:
    """Inkscape notes the file that it exported to, with the backslashes of Windows."""
    note = 'xmlns:i="http://www.inkscape.org/namespaces/inkscape" i:export-filename="C:\\a\\b.png"'
    assert svg_size(svg(f"<g {note}/>")) == (20, 10)
    with pytest.raises(Refused, match="style may"):
        svg_size(svg('<g style="fill:u\\72l(//evil.example/x)"/>'))


def test_an_id_may_be_there_twice() -> None:
    """Drawing programs name a group as the group around it; `use` draws the first of that name."""
    layers = "<g id='Layer_1'><g id='Layer_1'><path d='M0 0h1'/></g></g>"
    assert svg_size(svg(layers)) == (20, 10)
    with pytest.raises(Refused, match="inside itself"):
        svg_size(svg("<g id='a'><g id='a'><use href='#a'/></g></g>"))


def copies(levels: int, each: int, use: str = "<use href='#{}'/>", last: str = "<path/>") -> bytes:
    """A picture whose parts each show the next one that many times."""
    parts = [f"<g id='a{at}'>{use.format(f'a{at + 1}') * each}</g>" for at in range(levels)]
    return svg(f"{''.join(parts)}<g id='a{levels}'>{last}</g>")


@pytest.mark.parametrize(
    "use",
    [
        "<use href='#{}'/>",
        "<use xlink:href='#{}'/>",
        "<use href=' #{}' xlink:href='#no'/>",
        "<g><use href='#&#9;{}'/></g>",
        "<filter><feImage href='#{}'/></filter>",
        "<s:use xmlns:s='http://www.w3.org/2000/svg' href='#{}'/>",
    ],
)
def test_copies_of_copies_are_counted_before_a_browser_makes_them(use: str) -> None:
    """Ten times ten times ten is fine; a hundred levels would be a number of a hundred digits."""
    assert svg_size(copies(3, 9, use)) == (20, 10)
    for levels in (5, 100):
        with pytest.raises(TooLarge, match="copies more than 10000"):
            svg_size(copies(levels, 9, use))


def test_the_bound_of_copies_is_ten_thousand() -> None:
    """10,000 elements may be copied; not one more, whether its name is written plain or not."""
    drawing = "<g id='a'>" + "<path/>" * 99 + "</g>"
    assert svg_size(svg(drawing + "<use href='#a'/>" * 100)) == (20, 10)
    for more in ("<use href='#b'/><path id='b'/>", "<use href='#%62'/><path id='b'/>"):
        with pytest.raises(TooLarge, match="copies more than 10000"):
            svg_size(svg(drawing + "<use href='#a'/>" * 100 + more))


def test_the_first_element_of_a_name_is_copied() -> None:
    """That is the one that browsers take (DOM Standard, 4.2.4, `getElementById`)."""
    small, large = "<g id='a'/>", "<g id='a'>" + "<path/>" * 109 + "</g>"
    shown = "<use href='#a'/>" * 100
    assert svg_size(svg(small + large + shown)) == (20, 10)
    with pytest.raises(TooLarge, match="copies more"):
        svg_size(svg(large + small + shown))


@pytest.mark.parametrize(
    "inside",
    [
        "<g id='a'><use href='#a'/></g>",
        "<use id='a' href='#a'/>",
        "<g id='a'><g id='b'><use href='#c'/></g></g><g id='c'><use href='#a'/></g>",
        "<defs><g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g></defs>",
    ],
)
def test_a_part_that_shows_itself_is_refused(inside: str) -> None:
    """No end of it can be reckoned, and no browser draws it."""
    with pytest.raises(Refused, match="inside itself"):
        svg_size(svg(inside))


def test_many_names_take_no_time() -> None:
    """Parts inside parts, and references to all of them and to nothing, are added up once each."""
    deep = "".join(f"<g id='a{at}'>" for at in range(20_000)) + "</g>" * 20_000
    chain = "".join(f"<g id='b{at}'><use href='#b{at + 1}'/></g>" for at in range(4_000))
    assert svg_size(svg(deep)) == (20, 10)
    assert svg_size(svg("<use href='#no'/><use/>" * 5_000)) == (20, 10)
    with pytest.raises(TooLarge, match="copies more"):
        svg_size(svg(chain))


def test_a_style_sheet_cannot_be_hidden_by_what_stands_inside_it() -> None:
    """An element inside, a comment or CDATA must not keep a part of the sheet from being judged."""
    for sheet in (
        "<style>a{}<style/>b{background:url(//evil.example/x)}</style>",
        "<style>a{}<g/>@import '//evil.example/x';</style>",
        "<style>a{}<g/></style>",
        "<style>@im<!-- x -->port '//evil.example/x';</style>",
        "<style>a{background:u<![CDATA[rl(//evil.example/x)]]>}</style>",
        "<style>a{background:ur&#108;(//evil.example/x)}</style>",
        "<style>a{background:u<?xpacket x?>rl(//evil.example/x)}</style>",
        "<style>a{background:u<script/>rl(//evil.example/x)}</style>",
        "<style>a{background:image('//evil.example/x')}</style>",
        "<style>a{background:src(var(--x))}</style>",
    ):
        with pytest.raises(Refused):
            read_svg(svg(sheet))
    assert read_svg(svg("<style>a{fill:re<!-- x -->d}</style><style>b{}</style>")).size == (20, 10)


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE svg>",
        "<!DOCTYPE svg []>",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        '<!DOCTYPE svg SYSTEM "file:///etc/passwd" >',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE svg [<!ENTITY % p SYSTEM "//evil.example/p.dtd"> %p; ]  >',
        '<!DOCTYPE svg [<?xml-stylesheet href="//evil.example/x.css"?>]>',
        '<!DOCTYPE svg [<!ATTLIST svg onload CDATA "alert(1)">]>',
        ILLUSTRATOR,
    ],
)
@pytest.mark.parametrize("start", ["", "\ufeff", '<?xml version="1.0"?>\n<!-- <!DOCTYPE x> -->\n'])
def test_a_document_type_is_cut_out(start: str, before: str) -> None:
    """Logos from drawing programs have one: it goes, with all that it declares, and nothing else."""
    data = svg("<g>é<!-- <!DOCTYPE y> --></g>", before=f"{start}{before}\n")
    plain = svg("<g>é<!-- <!DOCTYPE y> --></g>", before=f"{start}\n")
    found = inspect(io.BytesIO(data))
    assert found.cleaned == plain
    assert (found.format, found.width, found.height, found.bytes) == ("svg", 20, 10, len(plain))
    assert inspect(io.BytesIO(plain)).cleaned is None


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ('<!DOCTYPE svg [<!ENTITY x "y">]>', "<text>&x;</text>"),
        ('<!DOCTYPE svg [<!ENTITY x "y">]>', '<g id="&x;"/>'),
        ('<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "<text>&x;</text>"),
        ('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x.example/x.dtd">', "&nbsp;"),
        ('<!DOCTYPE svg [<!ENTITY x "y"><!ATTLIST svg id CDATA "&x;">]>', ""),
        (ILLUSTRATOR, '<g xmlns:x="&ns_extend;"/>'),
    ],
)
def test_what_refers_to_an_entity_of_its_own_is_refused(before: str, inside: str) -> None:
    """Without the document type such a reference means nothing."""
    with pytest.raises(Refused, match="entities"):
        read_svg(svg(inside, before=before))


@pytest.mark.parametrize(
    "before",
    ["<!DOCTYPE svg [<!ENTITY x 'y'>", "<!DOCTYPE svg><!DOCTYPE svg>", "<!DOCTYPE svg [<!x]>"],
)
def test_a_broken_document_type_is_refused(before: str) -> None:
    """What the parser does not find the end of is not cut by guess."""
    with pytest.raises(Refused, match="cannot be cut out"):
        look(svg(before=before))


@pytest.mark.parametrize("use", ["<text>&e99;</text>", '<g id="&e99;"/>', "", None])
def test_a_billion_laughs_are_not_laughed(use: str | None) -> None:
    """Entities that grow tenfold a hundred times are never replaced, wherever they are used."""
    laughs = "".join(f'<!ENTITY e{step + 1} "{f"&e{step};" * 10}">' for step in range(99))
    default = '<!ATTLIST svg id CDATA "&e99;">' if use is None else ""
    data = svg(use or "", before=f'<!DOCTYPE svg [<!ENTITY e0 "ha">{laughs}{default}]>')
    if use == "":
        assert read_svg(data).content == svg()
    else:
        with pytest.raises(Refused, match="entities"):
            read_svg(data)


def test_no_document_type_is_fetched() -> None:
    """A picture that names a document type on a server makes no connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        place = f"http://127.0.0.1:{server.getsockname()[1]}/x.dtd"
        subset = f'[<!ENTITY % p SYSTEM "{place}"> %p; <!ENTITY e SYSTEM "{place}">]'
        read_svg(svg(before=f'<!DOCTYPE svg SYSTEM "{place}" {subset}>'))
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("leftover", "rest"),
    [
        ("<script/>", ""),
        ('<script type="text/javascript" />', ""),
        ("<script></script>", ""),
        ("<g><script/></g>", "<g></g>"),
        ('<script a="/>">\n <!-- x --> <![CDATA[]]></script ><g/>', "<g/>"),
        ("<SCRIPT xmlns=''/>", ""),
        ("<script/><script/><g>ü<script/></g>", "<g>ü</g>"),
        ('<?xpacket begin="\ufeff" id="x"?><g/><?xpacket end="w"?>', "<g/>"),
        ("<metadata><?xpacket a?>ß<?xpacket b?></metadata>", "<metadata>ß</metadata>"),
        ("<!-- <script/> <?xpacket?> --><script/>", "<!-- <script/> <?xpacket?> -->"),
        ("<title>a script</title>", "<title>a script</title>"),
    ],
)
def test_leftovers_of_programs_are_cut_out(leftover: str, rest: str) -> None:
    """Empty scripts and packets of metadata go, byte by byte; nothing else changes."""
    assert read_svg(svg(leftover)).content == svg(rest)


@pytest.mark.parametrize(
    "inside",
    [
        '<script href="x.js"/>',
        '<script xlink:href="#x"/>',
        '<script src="x.js"></script>',
        "<script>&#97;</script>",
        "<script><![CDATA[x]]></script>",
        "<script><g/></script>",
        "<script><script/></script>",
        "<script><?xpacket x?></script>",
        "<?xpacket-stylesheet x?>",
        "<?XPACKET x?>",
        "<?php echo 1 ?><?xpacket x?>",
    ],
)
def test_a_script_that_says_something_is_refused(inside: str) -> None:
    """Only what is empty is cut; other instructions may name a style sheet."""
    with pytest.raises(Refused):
        read_svg(svg(inside))


@pytest.mark.parametrize(
    "inside",
    [
        "<scr<script/>ipt>alert(1)</script>",
        "<<?xpacket?>script>x</script>",
        "&#<?xpacket?>60;script>",
        "]]<script/>>",
    ],
)
def test_what_is_cut_does_not_join_what_stands_around_it(inside: str) -> None:
    """Halves of a mark do not become a whole one unnoticed: the rest is read anew."""
    with pytest.raises(Malformed):
        read_svg(svg(inside))


def test_a_style_sheet_before_the_picture_is_refused() -> None:
    """A style sheet of another place fetches."""
    sheet = '<?xml-stylesheet type="text/css" href="https://evil.example/x.css"?>'
    with pytest.raises(Refused):
        look(svg(before=sheet))


@pytest.mark.parametrize(
    "data",
    [
        b"<svg",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<svg/>",
        b"<?xml version='1.0'?><rss><svg xmlns='http://www.w3.org/2000/svg'/></rss>",
        b"<svg xmlns='http://www.w3.org/2000/svg'>&undefined;</svg>",
        b"<?xml version='1.0' encoding='no-such'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0' encoding='utf-7'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0' encoding='cp037'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0' encoding='iso-2022-jp'?><svg xmlns='http://www.w3.org/2000/svg'>\x1b$B</svg>",
        b"<?xml version='1.0' encoding='gbk'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!DOCTYPE html><svg/>",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='0' height='5'/>",
    ],
)
def test_what_is_no_svg_is_malformed(data: Any) -> None:
    """Cut short, of another kind, or without a size: no picture."""
    with pytest.raises(Malformed):
        look(data)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="20" height="10"', (20, 10)),
        ('width="20px" height="10.4PX"', (20, 10)),
        ('width="1in" height="72pt"', (96, 96)),
        ('width="100%" height="100%" viewBox="0 0 64 32"', (64, 32)),
        ('viewBox="0,0,64.2,32"', (64, 32)),
        ('width="128" viewBox="0 0 64 32"', (128, 64)),
        ('height="16" viewBox="0 0 64 32"', (32, 16)),
        ('viewBox="0 0 0 0"', (300, 150)),
        ('viewBox="nan nan nan nan"', (300, 150)),
        ("", (300, 150)),
        ('width="0.2" height="0.2"', (1, 1)),
        ('width="1em" height="2rem" viewBox="0 0 64 32"', (16, 32)),
        ('width="20 px" height="-3" viewBox="0 0 64 32"', (64, 32)),
        (f'width="{"0" * 300}7" height="5"', (10, 5)),
        ('width="1e2" height="1_0" viewBox="0 0 64 32"', (100, 50)),
        ('width="٣٣" height="5vh" viewBox="0 0 1_0 32"', (300, 150)),
    ],
)
def test_the_size_is_read_as_browsers_do(attributes: str, size: tuple[int, int]) -> None:
    """Lengths with units, or the view box, or what browsers take when nothing is said."""
    assert svg_size(svg(attributes=attributes)) == size


@pytest.mark.parametrize("attributes", ['width="1e999" height="1"', 'width="1" height="9999999"'])
def test_a_size_beyond_reason_is_refused(attributes: str) -> None:
    """Numbers that are no sizes do not get through."""
    with pytest.raises(Malformed):
        svg_size(svg(attributes=attributes))


@pytest.mark.parametrize("filler", ["1" * 16_000, " " * 16_000, "1" + " " * 16_000, "1 " * 8_000])
def test_a_long_size_takes_no_time(filler: str) -> None:
    """A width of thousands of digits or blanks is none; it used to take minutes."""
    attributes = f'width="{filler}x" height="{filler}x" viewBox="{filler}x"'
    assert svg_size(svg(attributes=attributes)) == (300, 150)


def test_much_may_stand_before_the_picture() -> None:
    """A licence of 60 kB in a comment, and a prefix, do not hide that it is an SVG."""
    licence = f"<!-- {'x' * 60_000} -->"
    assert look(svg(before=licence)).format == "svg"
    prefixed = b'<s:svg xmlns:s="http://www.w3.org/2000/svg" width="7" height="5"/>'
    assert (look(prefixed).width, look(b"<!DOCTYPE s:svg>" + prefixed).width) == (7, 7)


def test_other_encodings_hide_nothing() -> None:
    """The same rules hold when the file is UTF-16."""
    text = f'<?xml version="1.0" encoding="utf-16"?><svg {NS}><script/></svg>'
    with pytest.raises(Refused):
        svg_size(text.encode("utf-16"))
    assert not looks_like_svg(text.encode("utf-16"))


def test_a_large_svg_is_refused_unread() -> None:
    """A vector logo has no megabytes."""
    with pytest.raises(TooLarge):
        look(svg("<!-- " + "x" * (1 << 20) + " -->"))


def test_deep_nesting_is_no_crash() -> None:
    """Many thousand levels end as any other file does."""
    depth = 100_000
    assert svg_size(svg("<g>" * depth + "</g>" * depth)) == (20, 10)


@given(st.text(alphabet="<>/='\" :;()#&-!?[]abhrefonsvgscript\\@\n", max_size=200))
def test_any_markup_is_judged(text: str) -> None:
    """Whatever stands inside, the file passes or is refused by our errors."""
    try:
        svg_size(svg(text))
    except (Refused, Malformed):
        return
