"""What pictures look like: the same in another size or packing, another in another colour or shape."""

import io
from typing import Any

import pytest
from PIL import Image

from datafetch.errors import Malformed
from datafetch.models.logo import Look
from datafetch.net.looks import inspect_with_look
from datafetch.rules.logo_likeness import is_generic
from tests.fakes.pictures import globe, picture

DRAWN = Image.open(io.BytesIO(globe(64))).convert("RGB")


def look(data: bytes) -> Look:
    """What these bytes look like."""
    file = io.BytesIO(data)
    _, found = inspect_with_look(file, str(hash(data)))
    assert file.tell() == 0
    return found


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture in a file of that kind."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


SAME = {
    "size": saved(DRAWN.resize((256, 256), Image.Resampling.LANCZOS), "PNG"),
    "small": saved(DRAWN.resize((32, 32), Image.Resampling.BOX), "PNG"),
    "jpeg": saved(DRAWN, "JPEG", quality=90),
    "webp": saved(DRAWN, "WEBP"),
    "ico": saved(DRAWN, "ICO", sizes=[(64, 64)]),
    "palette": saved(DRAWN.quantize(64), "GIF"),
}


@pytest.mark.parametrize("name", SAME)
def test_a_picture_in_another_size_or_packing_looks_the_same(name: str) -> None:
    """The generic globe comes at the size that was asked for, and as what a cache makes of it."""
    assert is_generic(look(SAME[name]), [look(globe(64))])


@pytest.mark.parametrize(
    "other",
    [
        picture("png", 64, 64, (126, 119, 122)),
        picture("png", 64, 64, (127, 128, 126)),
        saved(DRAWN.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"),
        saved(DRAWN.transpose(Image.Transpose.ROTATE_90), "PNG"),
    ],
    ids=["tint", "grey", "mirrored", "turned"],
)
def test_another_picture_does_not_look_the_same(other: bytes) -> None:
    """Logos of one shape in two colours are two logos."""
    assert not is_generic(look(other), [look(globe(64))])


@pytest.mark.parametrize(
    "plain",
    [
        saved(Image.new("RGB", (64, 64), (119, 119, 119)), "PNG"),
        saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"),
        saved(Image.linear_gradient("L").resize((64, 64)), "PNG"),
        picture("svg", 64),
        picture("png", 600),
    ],
    ids=["grey", "clear", "gradient", "drawing", "large"],
)
def test_what_has_no_contours_is_known_by_its_bytes_only(plain: bytes) -> None:
    """Plain areas are all alike; drawings and large pictures are not what a service shows for none."""
    assert look(plain).shape is None


def test_what_is_no_picture_looks_like_nothing() -> None:
    """A page has no look."""
    with pytest.raises(Malformed):
        look(b"<html>words</html>")
