"""Prefetch into folders that cannot be written, and builds that are stopped."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import DatafetchError
from datafetch.store.local import LocalStore
from tests.build.world import Build, logo_key, put_logos
from tests.stores import Call, MemoryStore
from tests.support import FakeClock, unprivileged

LOGO_FILE = "image-data/logos/manifest.json"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Five logos; nothing written yet."""
    clock = FakeClock()
    made = Build(tmp_path / "generated", LocalStore(tmp_path / "store", clock), clock)
    put_logos(made, 5)
    return made


Breaking = Callable[[Build], Any]


def _output_is_a_file(build: Build) -> None:
    build.output.write_text("a file")


def _place_is_a_folder(build: Build) -> None:
    (build.output / LOGO_FILE).mkdir(parents=True)


def _folder_is_a_file(build: Build) -> None:
    build.output.mkdir()
    (build.output / "image-data").write_text("a file")


@pytest.mark.parametrize(
    ("breaking", "path"),
    [
        (_output_is_a_file, "generated"),
        (_place_is_a_folder, "manifest.json"),
        (_folder_is_a_file, "image-data"),
    ],
)
def test_a_folder_that_cannot_be_written_is_named(
    build: Build, breaking: Breaking, path: str
) -> None:
    """What stands in the way is named, with what to do; nothing is half-written."""
    breaking(build)
    before = build.files()
    with pytest.raises(DatafetchError, match=f"{path}.* cannot be written") as caught:
        build.prefetch().logos()
    assert "--output" in caught.value.hint
    assert caught.value.exit_code == 1
    assert build.files() == before


def test_a_folder_without_permission_is_named() -> None:
    """A folder that belongs to somebody else is an error with its name, not a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        build = Build(Path(folder, "generated"), MemoryStore())
        put_logos(build, 5)
        build.output.mkdir(mode=0o555)
        with unprivileged(), pytest.raises(DatafetchError, match="Permission denied") as caught:
            build.prefetch().logos()
    assert f"{build.output}" in str(caught.value)
    assert "cannot be written" in str(caught.value)


def test_a_stop_half_way_leaves_nothing_behind(build: Build) -> None:
    """A build that is interrupted between two pictures has written none of them."""
    build.prefetch().logos()
    before = build.files()
    for number in range(5):
        (build.output / logo_key(number)).write_bytes(b"old")
    old = build.contents()

    def stop(call: Call) -> None:
        if call == Call("get", logo_key(3)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.prefetch(before=stop).logos()
    assert build.contents() == old
    assert build.prefetch().logos().changed == 5
    assert build.contents() == {name: body for name, (body, _, _) in before.items()}
