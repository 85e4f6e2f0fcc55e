"""Which keys are keys, and where a folder keeps them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.errors import StoreError
from datafetch.store.local import LocalStore
from datafetch.store.paths import (
    check_found,
    check_key,
    check_prefix,
    content_type_of,
    folder_of,
    path_of,
    path_of_found,
    walk,
)
from tests.support import unprivileged

ROOT = Path("/srv/store")


def is_key(text: str) -> bool:
    """Whether the text can name an object."""
    try:
        check_key(text)
    except StoreError:
        return False
    return True


SEGMENT = st.one_of(
    st.sampled_from([".", "..", "", "~+", ".datafetch-x", "長" * 130, "x" * 256]),
    st.text(min_size=1, max_size=300),
)


@given(st.lists(SEGMENT, min_size=1, max_size=4).map("/".join))
def test_whatever_the_key_the_file_is_in_the_folder(key: str) -> None:
    """No key that is accepted leads out of the folder or to a name the disk does not take."""
    if not is_key(key):
        return
    path = path_of(ROOT, key)
    assert Path(os.path.normpath(path)) == path
    assert path.is_relative_to(ROOT)
    assert path != ROOT
    assert all(len(name.encode()) <= 255 for name in path.relative_to(ROOT).parts)


@given(st.lists(st.lists(SEGMENT, min_size=1, max_size=3).map("/".join), max_size=4))
def test_every_key_that_is_stored_is_listed(keys: list[str]) -> None:
    """Keys come back from the folder as they went in, long ones and strange ones too."""
    with tempfile.TemporaryDirectory() as folder:
        store, stored = LocalStore(Path(folder)), set[str]()
        for key in filter(is_key, keys):
            if not any(
                f"{key}/".startswith(f"{o}/") or f"{o}/".startswith(f"{key}/") for o in stored
            ):
                store.put(key, b"1")
                stored.add(key)
        assert [info.key for info in store.list("")] == sorted(stored)


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a//b", "a/", "../a", "a/./b", "a\\b", "a\0b", "\ud800", "x" * 1025,
     "é" * 513, ".datafetch-lock", "a/.datafetch-x/b", "a~+/b"],
)  # fmt: skip
def test_what_cannot_name_an_object_is_refused(key: str) -> None:
    """The same keys are refused in every store, so that one can be copied into another."""
    with pytest.raises(StoreError) as caught:
        check_key(key)
    assert caught.value.key == key


def test_a_key_may_have_the_length_that_s3_allows() -> None:
    """1,024 bytes, in as many segments as they make."""
    assert check_key("x" * 1024) == ["x" * 1024]
    assert check_key("é/" * 340 + "éé") == [*["é"] * 340, "éé"]


@pytest.mark.parametrize(
    ("prefix", "segments"),
    [("", []), ("a", []), ("a/", ["a"]), ("a/b", ["a"]), ("a/b/.", ["a", "b"])],
)
def test_a_prefix_names_whole_folders_up_to_its_last_slash(
    prefix: str, segments: list[str]
) -> None:
    """What follows may be the beginning of any name."""
    assert check_prefix(prefix) == segments


@pytest.mark.parametrize("prefix", ["/", "../", "a/../b", "a//", "a\0/"])
def test_no_key_begins_with_what_leads_out(prefix: str) -> None:
    """A listing never looks outside its folder."""
    with pytest.raises(StoreError):
        check_prefix(prefix)


def test_a_segment_that_is_too_long_for_a_name_becomes_nested_folders() -> None:
    """Cut between characters, at most 240 bytes each, so that the rest has a place too."""
    assert folder_of(ROOT, ["a", "長" * 85]) == ROOT / "a" / ("長" * 85)
    parts = path_of(ROOT, "a/" + "長" * 200 + ".json").relative_to(ROOT).parts
    assert parts == ("a", "長" * 80 + "~+", "長" * 80 + "~+", "長" * 40 + ".json")


def test_only_folders_that_can_hold_the_prefix_are_read() -> None:
    """A listing of a few objects does not walk through ten thousand others."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for name in ("a/b/1", "a/bc/2", "a/d/3"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        (root / "a/d").chmod(0)
        with unprivileged():
            found = sorted(walk(root, root / "a", "a/", "a/b"))
        (root / "a/d").chmod(0o755)
        assert found == [("a/b/1", root / "a/b/1"), ("a/bc/2", root / "a/bc/2")]


def test_a_folder_that_is_not_there_has_no_objects(tmp_path: Path) -> None:
    """Nothing was stored below that prefix yet, or it was tidied away meanwhile."""
    assert list(walk(tmp_path, tmp_path / "none", "none/", "none/")) == []


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.JPG", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.html", "text/html"),
        ("a.txt", "text/plain"),
        ("a.json", "application/json"),
        ("a.json.corrupt-2026-11-24", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_from_the_name(key: str, expected: str) -> None:
    """A folder keeps no types; pictures are still served as pictures."""
    assert content_type_of(key) == expected


@pytest.mark.parametrize(
    "key", ["a//b", "/a", "a\\b", "a\x01b", " ", "a/~+", "x" * 1025, ".gitignore", "a/.datafetch-x"]
)
def test_what_others_have_named_can_be_asked_for(key: str) -> None:
    """Rules for what we write are not applied to what we find."""
    check_found(key)


@pytest.mark.parametrize("key", ["", "a/", "../a", "a/./b", "a/..", "a\0b", "\ud800"])
def test_a_name_that_may_mean_another_object_is_never_asked_for(key: str) -> None:
    """Proxies take dot segments out of addresses: to delete one might delete a good object."""
    with pytest.raises(StoreError, match="not the key of an object"):
        check_found(key)


@given(st.lists(SEGMENT, min_size=1, max_size=4).map("/".join))
def test_a_key_that_was_found_never_leads_out_of_the_folder(key: str) -> None:
    """Whatever it is, it is refused or its file is in the folder."""
    try:
        path = path_of_found(ROOT, key)
    except StoreError:
        return
    assert Path(os.path.normpath(path)) == path
    assert path.is_relative_to(ROOT)
    assert path != ROOT


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file 1,500 folders below it, which Python itself cannot remove."""
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("x.json", os.O_CREAT, dir_fd=at))
    os.close(at)
    yield tmp_path
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_folders_however_deep_are_listed(deep: Path) -> None:
    """A tree that another tool has left deeper than Python may call itself ends no job."""
    [(key, _)] = walk(deep, deep, "", "")
    assert key == "d/" * 1500 + "x.json"
