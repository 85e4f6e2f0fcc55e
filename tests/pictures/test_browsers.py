"""Pictures that are read differently from browsers, each with the reason; and what Chromium says.

The expected sizes are those that Chromium 156 showed. Where it is installed it is asked again.
"""

import http.server
import io
import json
import os
import signal
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image, features

from datafetch.pictures.images import inspect
from datafetch.upstream_errors import Malformed, Refused
from tests.fakes.pictures import photo, picture
from tests.pictures.test_headers import END, chunk
from tests.pictures.test_images import icon, old_bitmap, with_chunk
from tests.pictures.test_jpeg import saved as jpeg
from tests.pictures.test_svg import ILLUSTRATOR, svg
from tests.programs import program

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """A picture that browsers show in a size, or not at all (None), and that we read otherwise."""

    content: bytes
    content_type: str
    ours: Size | None
    theirs: Size | None
    reason: str


def turned(kind: str) -> bytes:
    """A picture that says it is to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind, exif=exif)
    return out.getvalue()


def without_mask_height() -> bytes:
    """An icon whose bitmap states its own height only, not that of picture and mask."""
    data = old_bitmap(32, 16)
    return icon((16, 16, data[:8] + struct.pack("<i", 16) + data[12:]))


PNG = picture("png", 64, 48)
NS = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'"

CUT_SHORT = "browsers show what is there; half a picture would be stored for good"
SIZE_ONLY = "sizes are compared by the shorter side and by pixels, which turning does not change"

DIFFERENCES = {
    "a PNG without its end": Difference(PNG[:-12], "image/png", None, (64, 48), CUT_SHORT),
    "a PNG cut in its pixels": Difference(PNG[:-30], "image/png", None, (64, 48), CUT_SHORT),
    "a JPEG cut in its pixels": Difference(
        photo(300, 200)[:4000], "image/jpeg", None, (300, 200), CUT_SHORT
    ),
    "a progressive JPEG without its end": Difference(
        jpeg(progressive=True)[:-2],
        "image/jpeg",
        None,
        (64, 48),
        "whole scans may be missing, and nothing in the file tells",
    ),
    "a GIF without its end": Difference(
        picture("gif", 64, 48)[:-1],
        "image/gif",
        None,
        (64, 48),
        "further frames may be missing, and nothing in the file tells",
    ),
    "a JPEG that is turned": Difference(
        turned("JPEG"), "image/jpeg", (40, 30), (30, 40), SIZE_ONLY
    ),
    "an icon without a mask": Difference(
        without_mask_height(),
        "image/x-icon",
        (16, 8),
        (16, 16),
        "the height of a bitmap counts its mask, so this one has half of its rows",
    ),
    "a drawing without a size": Difference(
        svg(attributes="viewBox='0 0 64 64'"),
        "image/svg+xml",
        (64, 64),
        (150, 150),
        "it has only proportions, and any size is as good; the view box is what its author saw",
    ),
    "a picture that loads another": Difference(
        NS + b"><image href='//example.com/x.png'/></svg>",
        "image/svg+xml",
        None,
        (9, 9),
        "as a document of its own it would ask other servers",
    ),
    "a picture with an entity": Difference(
        b"<!DOCTYPE svg [<!ENTITY x 'y'>]>" + NS + b"><text>&x;</text></svg>",
        "image/svg+xml",
        None,
        (9, 9),
        "entities can grow without bounds, so the document type is cut out, and they with it",
    ),
    "a picture with an embedded font": Difference(
        NS + b"><style>@font-face{font-family:x;src:url(data:font/woff,x)}</style></svg>",
        "image/svg+xml",
        None,
        (9, 9),
        "fonts are programs; logos come with outlines",
    ),
}

if features.check("avif"):
    DIFFERENCES["an AVIF that is turned"] = Difference(
        turned("AVIF"), "image/avif", (40, 30), (30, 40), SIZE_ONLY
    )

ALIKE = {
    "text with a wrong checksum": (with_chunk(b"tEXt", b"a\0b", 0), "image/png"),
    "profile that is none": (with_chunk(b"iCCP", b"no profile"), "image/png"),
    "unknown part": (with_chunk(b"teSt", b"x"), "image/png"),
    "bytes after a PNG": (PNG + b"tail", "image/png"),
    "zeros in a GIF": (picture("gif", 64, 48)[:-1] + b"\0\0;", "image/gif"),
    "stray bytes in a GIF": (picture("gif", 64, 48)[:-1] + b"?stray", "image/gif"),
    "GIF of nothing": (b"GIF89a" + bytes(7) + b"?;", "image/gif"),
    "JPEG without its end": (jpeg()[:-2], "image/jpeg"),
    "CMYK": (jpeg(mode="CMYK"), "image/jpeg"),
    "bytes after a JPEG": (jpeg() + b"tail", "image/jpeg"),
    "bytes after a WebP": (picture("webp", 64, 48) + b"tail", "image/webp"),
    "PNG in an icon": (icon((64, 48, PNG)), "image/x-icon"),
    **{
        f"icon of {depth} bits": (icon((48, 48, old_bitmap(depth, 48))), "image/x-icon")
        for depth in (1, 4, 8, 24, 32)
    },
    "a PNG without pixels": (PNG[:33] + chunk(b"tEXt", b"a\0b") + END, "image/png"),
    "document type": (svg(before=ILLUSTRATOR), "image/svg+xml"),
    "length in em": (svg(attributes="width='2em' height='1em'"), "image/svg+xml"),
    "no size": (svg(attributes=""), "image/svg+xml"),
    "width and view box": (svg(attributes="width='128' viewBox='0 0 64 32'"), "image/svg+xml"),
    "no namespace": (b"<svg width='9' height='9'/>", "image/svg+xml"),
}


def ours(content: bytes) -> Size | None:
    """The size that we read; None for what is refused."""
    try:
        found = inspect(io.BytesIO(content))
    except (Malformed, Refused):
        return None
    return found.width, found.height


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_is_read_differently_is_known(name: str) -> None:
    """The list says what we make of each picture, and why it is not what browsers show."""
    difference = DIFFERENCES[name]
    assert ours(difference.content) == difference.ours
    assert difference.ours != difference.theirs
    assert difference.reason


@dataclass
class Asked:
    """The site that a browser visits: its page shows the pictures and sends their sizes back."""

    pictures: list[tuple[bytes, str]]
    frames: bool = False
    paths: list[str] = field(default_factory=list)
    sizes: list[list[int] | None] = field(default_factory=list)
    answered: threading.Event = field(default_factory=threading.Event)

    def page(self) -> bytes:
        """A page that loads all pictures, in frames as well if asked for."""
        return f"""<!doctype html><body><script>
const show = number => new Promise(done => {{
  const image = new Image();
  image.onload = () => done([image.naturalWidth, image.naturalHeight]);
  image.onerror = () => done(null);
  image.src = '/picture/' + number;
}});
const frame = number => new Promise(done => {{
  const frame = document.createElement('iframe');
  frame.onload = () => setTimeout(done, 50);
  frame.src = '/picture/' + number;
  document.body.append(frame);
}});
(async () => {{
  const all = [...Array({len(self.pictures)}).keys()];
  const sizes = await Promise.all(all.map(show));
  if ({str(self.frames).lower()}) await Promise.all(all.map(frame));
  await fetch('/sizes', {{method: 'POST', body: JSON.stringify(sizes)}});
}})();
</script>""".encode()


def visited(asked: Asked, folder: Path) -> Asked:
    """Let Chromium visit the site; whatever else it asks for, of any host, is asked of it too."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Send the page or a picture."""
            asked.paths.append(self.headers.get("Host", "").partition(":")[0] + self.path)
            content, kind = asked.page(), "text/html"
            number = self.path.removeprefix("/picture/")
            if number.isdecimal():
                content, kind = asked.pictures[int(number)]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            """Take the sizes."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            if self.path == "/sizes":
                asked.sizes = json.loads(body)
                asked.answered.set()

    chromium = program("chromium")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        place = f"127.0.0.1:{server.server_port}"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
        options += ["--disable-background-networking", "--disable-component-update"]
        options += [f"--host-resolver-rules=MAP * {place}", f"http://{place}/"]
        browser = subprocess.Popen(
            [chromium, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert asked.answered.wait(60)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
            server.shutdown()
            serving.join()
    return asked


def test_a_browser_shows_what_the_lists_say(tmp_path: Path) -> None:
    """Chromium shows each listed difference as the list has it, and the other pictures as we do."""
    expected = {name: found.theirs for name, found in DIFFERENCES.items()}
    expected |= {name: ours(content) for name, (content, _) in ALIKE.items()}
    pictures = [(found.content, found.content_type) for found in DIFFERENCES.values()]
    sizes = visited(Asked([*pictures, *ALIKE.values()]), tmp_path).sizes
    shown = {
        name: None if size is None else tuple(size)
        for name, size in zip(expected, sizes, strict=True)
    }
    assert shown == expected


SHEETS = [
    "a{{}}<g/>@import '{url}';",
    "@im<!-- -->port '{url}';",
    "@import<!-- -->'{url}';",
    "<![CDATA[@im]]>port '{url}';",
    "<![CDATA[]]>@<![CDATA[import]]> url({url});",
    "&#64;import '{url}';",
    "@\\69mport '{url}';",
    "@\\000069 mport '{url}';",
    "/* */@charset 'x';@import/**/'{url}';",
    "@import '{url}' layer(x) supports(fill:red) screen;",
    "<style>@import '{url}';</style>",
    "a{{}}<style/>@import '{url}';",
    "a{{}}<x xmlns=''/>svg{{background:url({url})}}",
    "*{{fill:url(#a), url({url})}}",
    "*{{mask:url(#a) url({url})}}",
    "*{{background:image('{url}'), src('{url}')}}",
    "svg{{background:image-set('{url}' 1x)}}",
    "svg{{background:-webkit-image-set(url({url}) 1x)}}",
    "svg{{background:image-set(attr(data-x) 1x)}}",
    "svg{{background:u/**/rl({url})}}",
    "svg{{background:url(/**/{url})}}",
    "svg{{background:u\\72l({url})}}",
    "svg{{background:\\75\\72\\6c({url})}}",
    "svg{{background:URL(\\{url})}}",
    "svg{{background:url('#a\n),url({url}')}}",
    'svg{{background:url("\\"#a")}}',
    "svg{{background:url(\\23 a)}}",
    "svg{{background:url()}}svg{{cursor:url('')}}",
    "svg{{--x:url({url});background:var(--x)}}",
    "svg{{--x:'{url}';background:src(var(--x)),image(var(--x))}}",
    "svg{{background:attr(data-x type(&lt;url>))}}",
    "svg{{background:attr(data-y type(*))}}",
    "svg{{content:cross-fade(url({url}), red);list-style:'{url}'}}",
    "@font-face{{font-family:x;src:url({url})}}text{{font-family:x}}",
    "@font-face{{font-family:x;src:local(x),'{url}'}}text{{font-family:x}}",
    "@namespace '{url}';svg{{fill:red}}",
    "@namespace x url({url});",
    "@property --x{{syntax:'&lt;url>';inherits:true;initial-value:url({url})}}svg{{background:var(--x)}}",
    "@container (width>0){{@layer x{{@scope(svg){{:scope{{background:url({url})}}}}}}}}",
    "@media screen{{svg{{behavior:url({url});-moz-binding:url({url})}}}}",
    "@counter-style x{{system:cyclic;symbols:url({url})}}",
    "svg{{&amp;{{border-image:url({url}) 1}}}}",
    "--&gt;&lt;!--@import '{url}';",
    "&lt;!--@import '{url}';--&gt;",
    "svg{{filter:url(&#xa0;#a);offset-path:url(&#x2003;{url})}}",
]
"""Texts of style sheets which ask, or try to; `{{` stands for `{`."""

LINKS = ["", "xlink:", "x:", "y:"]
"""What stands before `href`; `y:` is a namespace of no meaning."""

LINKING = [
    "<image {link}href='{url}' width='9' height='9'/>",
    "<image {link}href='data:image/png,{url}' width='9' height='9'/>",
    "<image {link}href='&#xa0;#{url}' width='9' height='9'/>",
    "<image {link}href='&#x7f;' width='9' height='9'/>",
    "<image {link}href='da ta:image/png,x' width='9' height='9'/>",
    "<image {link}href='#a {url}'/><image {link}href='' width='9' height='9'/>",
    "<use {link}href='{url}#a'/><use {link}href='data:image/svg+xml,{url}#a'/>",
    "<use {link}href='\\\\evil.example/#a'/><use {link}href='ht&#10;tp://evil.example/#a'/>",
    "<use {link}href='http:evil.example#a'/><use {link}href='blob:{url}#a'/>",
    "<filter id='f'><feImage {link}href='{url}'/></filter><rect width='9' height='9' filter='url(#f)'/>",
    "<mpath {link}href='{url}'/><textPath {link}href='{url}'/><tref {link}href='{url}'/>",
    "<linearGradient id='g' {link}href='{url}#g'/><rect width='9' height='9' fill='url(#g)'/>",
    "<cursor {link}href='{url}'/><font-face-uri {link}href='{url}'/><color-profile {link}href='{url}'/>",
    "<script {link}href='{url}'/><script {link}href=''>fetch('{url}')</script>",
    "<a {link}href='#a' ping='{url}'><set attributeName='{link}href' to='{url}'/></a>",
    "<image width='9' height='9'><set attributeName='{link}href' to='{url}'/></image>",
    "<image id='i' width='9' height='9'/><animate {link}href='#i' attributeName='href' values='{url};{url}'/>",
    "<image width='9' height='9'><animate attributeName='&#10;{link}href ' from='#' to='{url}'/></image>",
    "<g xml:base='{url}'><image {link}href='#x' width='9' height='9'/></g>",
    "<image {link}href='#x' width='9' height='9'><set attributeName='xml:base' to='{url}'/></image>",
]

OTHERS = [
    "<rect width='9' height='9' fill='url(#a) url({url})'/><rect mask='url({url}#m)' width='9' height='9'/>",
    "<rect width='9' height='9' fill='\t{url}' data='#' ping='#'/><rect cursor='url({url}),auto'/>",
    "<rect width='9' height='9' style='mask:url(&quot;{url}&quot;)'/>",
    "<rect width='9' height='9' style='mask:u&#x72;l(&#x22;{url}&#x22;)'/>",
    "<rect width='9' height='9' filter='ur\\6c({url})'/><path d='M0 0L1 1' marker-end='URL( {url} )'/>",
    "<rect width='9' height='9' style='fill:re/*'/><rect style='*/;background:url(#a)'/>",
    "<text data-x='{url}' style='background:attr(data-x type(&lt;url>))'>a</text>",
    "<text data-y='url({url})' style='background:attr(data-y type(*))'>a</text>",
    "<rect width='9' height='9'><set attributeName='fill' to='url({url})'/></rect>",
    "<rect width='9' height='9'><animate attributeName='mask' values='none;url({url})' dur='1s'/></rect>",
    "<rect><animate attributeName='style' values='fill:red;mask:url(#a)'/></rect>",
    "<rect><set attributeName='class' to='x'/><set attributeName='onbegin' to='fetch(\"{url}\")'/></rect>",
    "<set attributeName='x' onbegin='fetch(\"{url}\")'/><g onload='fetch(\"{url}\")'/>",
    "<foreignObject width='9' height='9'><img xmlns='http://www.w3.org/1999/xhtml' src='{url}'/></foreignObject>",
    "<img xmlns='http://www.w3.org/1999/xhtml' src='{url}'/>",
    "<h:link xmlns:h='http://www.w3.org/1999/xhtml' rel='stylesheet' href='{url}'/>",
    "<h:style xmlns:h='http://www.w3.org/1999/xhtml'>@import '{url}';</h:style>",
    "<s:style xmlns:s='http://www.w3.org/2000/svg'>@import '{url}';</s:style>",
    "<s:image xmlns:s='http://www.w3.org/2000/svg' href='{url}' width='9' height='9'/>",
    "<style xmlns='http://www.w3.org/1999/xhtml'>@import '{url}';</style>",
    "<math xmlns='http://www.w3.org/1998/Math/MathML'><mtext><mglyph src='{url}'/></mtext></math>",
    "<math xmlns='http://www.w3.org/1998/Math/MathML' style='background:url({url})' href='{url}'/>",
    "<x:include xmlns:x='http://www.w3.org/2001/XInclude' href='{url}'/>",
    "<e:listener xmlns:e='http://www.w3.org/2001/xml-events' handler='{url}'/>",
    "<script/><script> </script>",
    '<script type=\'speculationrules\'>{{"prefetch":[{{"urls":["{url}"]}}]}}</script>',
    "<?xpacket href='{url}'?>",
    "<?xml-stylesheet href='{url}'?>",
    "<metadata xmlns:x='{url}' x:schemaLocation='{url}'/>",
    "<text requiredExtensions='{url}' style='cursor:pointer'>{url}</text>",
    "<view id='v' viewTarget='{url}'/><discard begin='0s'/><switch systemLanguage='{url}'/>",
]

HOSTILE = [
    *(
        f"<style>{sheet}</style><text data-x='{{url}}' data-y='url({{url}})'>a</text>"
        for sheet in SHEETS
    ),
    *(line.replace("{link}", link) for line in LINKING for link in LINKS),
    *OTHERS,
]
BEFORE = [
    "",
    "<?xml-stylesheet href='{url}'?>",
    "<!DOCTYPE svg SYSTEM '{url}'>",
    "<!DOCTYPE svg [<!ENTITY % x SYSTEM '{url}'> %x; <!ATTLIST svg onload CDATA 'fetch(&#34;{url}&#34;)'>]>",
    "<!DOCTYPE svg [<?xml-stylesheet href='{url}'?>]>",
]


def hostile() -> list[bytes]:
    """Drawings that ask servers, or try to: each `{url}` is one of its own."""
    found: list[bytes] = []
    for inside, before in ((a, b) for a in HOSTILE for b in BEFORE):
        url = f"http://evil{len(found)}.example/"
        text = svg(
            inside.replace("{url}", url).replace("{{", "{").replace("}}", "}"),
            attributes="width='20' height='10' xmlns:x='http://www.w3.org/1999/xlink' xmlns:y='urn:y'",
            before=before.replace("{url}", url),
        )
        found.append(text)
    return found


def test_what_is_accepted_asks_for_nothing(tmp_path: Path) -> None:
    """No accepted drawing, opened as a document of its own, makes a browser ask anybody.

    Nor does it ask for a relative address: the only requests are those for the drawings.
    """
    accepted: list[tuple[bytes, str]] = []
    for content in hostile():
        if ours(content) is not None:
            cleaned = inspect(io.BytesIO(content)).cleaned
            accepted.append((content if cleaned is None else cleaned, "image/svg+xml"))
    assert len(accepted) > 40
    control = (
        b"<image href='http://control.example/'/><image href='relative' width='9' height='9'/>"
    )
    asked = visited(
        Asked([*accepted, (svg(control.decode()), "image/svg+xml")], frames=True), tmp_path
    )
    theirs = {path for path in asked.paths if path.startswith(("evil", "127.0.0.1/"))}
    own = {f"127.0.0.1/picture/{number}" for number in range(len(accepted) + 1)}
    assert "control.example/" in asked.paths
    assert theirs - {"127.0.0.1/", "127.0.0.1/favicon.ico"} == own | {"127.0.0.1/picture/relative"}
