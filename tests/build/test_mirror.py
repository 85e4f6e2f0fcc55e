"""A build's objects as a copy of the store: the same bytes under the same keys, and nothing stale."""

import json
import logging
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.build.job import Prefetch
from datafetch.build.mirror import MirrorStaging
from datafetch.errors import DatafetchError, Inconsistent
from datafetch.models.run import JobReport
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.bookmarks.world import World
from tests.build.bookmarks import INDEX, MAPPING, MASTER, bookmark_folder
from tests.build.world import (
    KEYS,
    Build,
    github_objects,
    logo_entry,
    logo_key,
    once,
    picture,
    put_all,
    put_logos,
)
from tests.stores import Call, MemoryStore
from tests.support import unprivileged

PAGES = [KEYS.bookmark_page(1), KEYS.bookmark_page(2)]
RECORDS = ".datafetch-mirror-"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Thirty bookmarks, on two pages, in a folder."""
    return bookmark_folder(tmp_path / "store")


@pytest.fixture
def build(world: World, tmp_path: Path) -> Build:
    """Bookmarks, GitHub activity and five logos; nothing mirrored yet."""
    made = Build(tmp_path / "site" / "mirror", world.store, world.clock)
    put_all(made.store, github_objects())
    put_logos(made, 5)
    return made


def mirror(build: Build) -> list[JobReport]:
    """Mirror all that the store of these tests has."""
    prefetch = build.prefetch(mirror=True, width=2)
    return [prefetch.bookmarks(), prefetch.github(), prefetch.logos()]


def objects(build: Build) -> dict[str, bytes]:
    """What stands in the mirror, but for the records."""
    found = build.contents()
    return {name: body for name, body in found.items() if not name.startswith(RECORDS)}


def remove_logo(build: Build, number: int) -> None:
    """A logo leaves manifest and store."""
    build.change(KEYS.logo_manifest(), lambda v: v.pop(f"site{number}.example.com") and None)
    build.store.delete(logo_key(number))


# ------------------------------------------------------------------- written


def test_a_mirror_has_the_objects_under_their_keys(build: Build) -> None:
    """Sites that keep a copy of the bucket get each object where the bucket has it, byte for byte."""
    reports = mirror(build)
    keys = [INDEX, MASTER, MAPPING, *PAGES, *github_objects(), KEYS.logo_manifest()]
    keys += [logo_key(number) for number in range(5)]
    assert objects(build) == {key: build.store.get(key).body for key in keys}
    assert [(report.processed, report.changed) for report in reports] == [(5, 5), (4, 4), (6, 6)]


def test_a_mirror_is_a_store_that_builds_read(build: Build, tmp_path: Path) -> None:
    """The copy serves wherever the store does: a build of it gives the same files."""
    mirror(build)
    copy = Build(tmp_path / "out", LocalStore(build.output, build.clock), build.clock)
    original = Build(tmp_path / "other", build.store, build.clock)
    for one in (copy, original):
        prefetch = one.prefetch()
        prefetch.bookmarks()
        prefetch.github()
        prefetch.logos()
    assert copy.contents() == original.contents()
    assert "bookmarks/index.json" in copy.contents()
    listed = {info.key for info in copy.store.list("")}
    assert listed == objects(build).keys()


def test_what_git_is_told_of_store_and_site_stays_where_it_is(build: Build, tmp_path: Path) -> None:
    """The store's own file is no object, and what the site tells git of its mirror is the site's."""
    assert (tmp_path / "store/.gitignore").exists()
    build.output.mkdir(parents=True)
    (build.output / ".gitignore").write_text("images/\n")
    mirror(build)
    remove_logo(build, 1)
    mirror(build)
    assert (build.output / ".gitignore").read_text() == "images/\n"


def test_a_mirror_gets_no_file_for_git(build: Build) -> None:
    """What the store tells git is nothing that a copy of its objects has."""
    mirror(build)
    assert not (build.output / ".gitignore").exists()


def test_a_mirror_that_is_current_is_left_alone(build: Build) -> None:
    """A second run touches no file, records included."""
    mirror(build)
    before = build.files()
    assert [report.changed for report in mirror(build)] == [0, 0, 0]
    assert build.files() == before


def test_a_dry_run_counts_and_writes_nothing(build: Build) -> None:
    """`--dry-run` says how many files would be written or removed, and does neither."""
    assert build.prefetch(mirror=True, dry_run=True).logos().changed == 6
    assert build.files() == {}
    mirror(build)
    before = build.files()
    remove_logo(build, 2)
    assert build.prefetch(mirror=True, dry_run=True).logos().changed == 2
    assert build.files() == before


def test_bookmarks_that_disagree_leave_the_mirror(build: Build) -> None:
    """A mirror of half a publish would be read by the site: the old copy stays whole."""
    mirror(build)
    before = build.files()
    build.change(PAGES[1], lambda v: v[:-1])
    with pytest.raises(Inconsistent):
        build.prefetch(mirror=True).bookmarks()
    assert build.files() == before


# --------------------------------------------------------------------- stale


def test_what_the_store_no_longer_has_is_removed(build: Build, world: World) -> None:
    """A page or picture of an earlier mirror would stay for ever; empty folders go with it."""
    mirror(build)
    for number in range(5):
        remove_logo(build, number)
    world.app.remove(*(f"b{number:03}" for number in range(6)))
    world.run(allow_shrink=True)
    reports = mirror(build)
    assert (build.output / PAGES[0]).exists()
    assert not (build.output / PAGES[1]).exists()
    assert not (build.output / "images").exists()
    assert json.loads((build.output / KEYS.logo_manifest()).read_bytes()) == {}
    assert reports[2].changed == 6


def test_what_others_put_there_stays(build: Build) -> None:
    """Only files that a mirror wrote, and nobody changed, are removed."""
    mirror(build)
    own = build.output / "images/logos/by-hand.png"
    own.write_bytes(b"mine")
    changed = build.output / logo_key(1)
    changed.write_bytes(b"edited")
    page = build.output / KEYS.bookmark_page(9)
    page.write_bytes(b"[]")
    remove_logo(build, 1)
    remove_logo(build, 2)
    mirror(build)
    assert (own.read_bytes(), changed.read_bytes(), page.read_bytes()) == (
        b"mine",
        b"edited",
        b"[]",
    )
    assert not (build.output / logo_key(2)).exists()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_in_the_place_of_a_stale_file_stays(
    build: Build, make: Callable[[Path], None]
) -> None:
    """What stands under a recorded name and is no file of ours is neither removed nor waited for."""
    mirror(build)
    place = build.output / logo_key(1)
    place.unlink()
    make(place)
    remove_logo(build, 1)
    assert build.prefetch(mirror=True).logos().changed == 1
    assert place.exists()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
@pytest.mark.parametrize("whose", ["logos-test", "logos"])
def test_a_folder_or_a_pipe_in_the_place_of_a_record_is_an_error(
    build: Build, whose: str, make: Callable[[Path], None]
) -> None:
    """Nobody waits for it, and nothing that it might name is removed."""
    mirror(build)
    record = build.output / f"{RECORDS}{whose}.json"
    record.unlink(missing_ok=True)
    make(record)
    remove_logo(build, 1)
    with pytest.raises(DatafetchError, match=re.escape(record.name)):
        build.prefetch(mirror=True).logos()
    assert (build.output / logo_key(1)).exists()


def test_a_stale_file_in_a_folder_that_may_not_be_entered_is_an_error() -> None:
    """Somebody closed the folder meanwhile: a line with its path, and no traceback."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        build = Build(Path(folder, "mirror"), MemoryStore())
        put_logos(build, 1)
        with unprivileged():
            build.prefetch(mirror=True).logos()
            remove_logo(build, 0)
            pictures = (build.output / logo_key(0)).parent
            pictures.chmod(0)
            with pytest.raises(DatafetchError, match="Permission denied"):
                build.prefetch(mirror=True).logos()
            pictures.chmod(0o755)


def test_pictures_that_another_environment_has_stay(build: Build) -> None:
    """All environments share pictures: development's mirror removes none of production's."""
    production = replace(build, keys=Keys())
    build.store.put(Keys().logo_manifest(), build.store.get(KEYS.logo_manifest()).body)
    for one in (build, production):
        one.prefetch(mirror=True).logos()
    build.change(KEYS.logo_manifest(), lambda v: v.pop("site1.example.com") and None)
    build.prefetch(mirror=True).logos()
    assert (build.output / logo_key(1)).read_bytes() == picture(1)
    production.change(Keys().logo_manifest(), lambda v: v.pop("site1.example.com") and None)
    production.prefetch(mirror=True).logos()
    assert not (build.output / logo_key(1)).exists()


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"a": 1}', b"\xff", b'{"../../escaped": "0"}', b'{"/etc/x": "0"}']
)
@pytest.mark.parametrize("whose", ["logos-test", "logos"])
def test_a_record_that_cannot_be_read_removes_nothing(
    build: Build, tmp_path: Path, text: bytes, whose: str
) -> None:
    """Somebody else may have written the record: it never leads out of the folder, nor ends a build."""
    mirror(build)
    (build.output / f"{RECORDS}{whose}.json").write_bytes(text)
    (tmp_path / "escaped").write_bytes(b"")
    remove_logo(build, 1)
    assert build.prefetch(mirror=True).logos().changed == 1
    assert (build.output / logo_key(1)).exists()
    assert (tmp_path / "escaped").exists()
    assert build.prefetch(mirror=True).logos().changed == 0


def test_a_record_of_more_than_512_mib_is_not_read(build: Build) -> None:
    """It cannot be ours; it is put right by the build, which removes nothing by it."""
    mirror(build)
    record = build.output / f"{RECORDS}logos-test.json"
    ours = record.read_bytes()
    with record.open("r+b") as file:
        file.truncate(512 * 2**20)
    with record.open("ab") as file:
        file.write(b" ")
    remove_logo(build, 1)
    assert build.prefetch(mirror=True).logos().changed == 1
    assert (build.output / logo_key(1)).exists()
    assert 0 < record.stat().st_size < len(ours)


def test_a_mirror_that_could_not_tidy_up_is_tidied_by_the_next() -> None:
    """Ended after its files took their places, a mirror leaves stale ones that the next one knows."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        build = Build(Path(folder, "mirror"), MemoryStore())
        put_logos(build, 5)
        with unprivileged():
            build.prefetch(mirror=True).logos()
            pictures = (build.output / logo_key(1)).parent
            remove_logo(build, 1)
            pictures.chmod(0o555)
            with pytest.raises(DatafetchError, match="cannot be written"):
                build.prefetch(mirror=True).logos()
            pictures.chmod(0o755)
            assert (build.output / logo_key(1)).exists()
            build.prefetch(mirror=True).logos()
            assert not (build.output / logo_key(1)).exists()


def test_a_mirror_killed_between_record_and_replacement_is_healed(build: Build) -> None:
    """An old file whose replacement never came was taken for somebody's, and stayed for ever."""
    put_logos(build, 5)
    build.prefetch(mirror=True).logos()
    entries = {}
    for number in (0, 1, 2):
        build.store.put(logo_key(number), picture(number + 7))
        entries[f"site{number}.example.com"] = logo_entry(logo_key(number), picture(number + 7))
    build.change(KEYS.logo_manifest(), lambda v: v.update(entries))
    first = build.output / logo_key(0)

    def block() -> None:
        first.unlink()
        first.mkdir()

    for number in (1, 2):
        with pytest.raises(DatafetchError, match="cannot be written"):
            build.prefetch(mirror=True, before=once(logo_key(number), block)).logos()
        first.rmdir()
        first.write_bytes(picture(0))
    assert (build.output / logo_key(1)).read_bytes() == picture(1)
    remove_logo(build, 1)
    build.prefetch(mirror=True).logos()
    assert not (build.output / logo_key(1)).exists()
    for number in (0, 2):
        assert (build.output / logo_key(number)).read_bytes() == picture(number + 7)
    record = json.loads((build.output / f"{RECORDS}logos-test.json").read_bytes())
    assert {len(sha256) for sha256 in record.values()} == {64}


def test_what_was_read_in_vain_is_not_recorded(build: Build) -> None:
    """A picture of a manifest that was replaced meanwhile is not recorded as the mirror's."""
    mirror(build)
    (build.output / logo_key(4)).unlink()

    def remove() -> None:
        for number in (0, 4):
            remove_logo(build, number)

    build.prefetch(mirror=True, before=once(logo_key(4), remove)).logos()
    assert build.clock.slept == [2.0]
    assert not (build.output / logo_key(0)).exists()


def test_a_name_too_long_for_a_file_is_kept_as_a_folder_store_keeps_it(build: Build) -> None:
    """A long domain's picture has a name of more than 255 bytes: the copy is read like any store."""
    key = KEYS.logo(".".join(["x" * 60] * 4) + ".example", "google", "png")
    build.store.put(key, picture(9))
    build.change(
        KEYS.logo_manifest(), lambda v: v.update({"long.example": logo_entry(key, picture(9))})
    )
    build.prefetch(mirror=True).logos()
    assert LocalStore(build.output).get(key).body == picture(9)


def test_a_mirror_stopped_between_two_pictures_is_as_before(build: Build) -> None:
    """Nothing takes its place before all of it is there."""
    mirror(build)
    before = build.files()
    build.store.put(logo_key(0), b"another")
    for number in (0, 1):
        (build.output / logo_key(number)).write_bytes(b"old")
    old = build.contents()

    def stop(call: Call) -> None:
        if call == Call("get", logo_key(1)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.prefetch(mirror=True, before=stop).logos()
    assert build.contents() == old
    assert before.keys() == build.files().keys()


def test_a_mirror_and_a_build_do_not_meet(build: Build, tmp_path: Path) -> None:
    """Files of a build have names without environment, and no records beside them."""
    plain = Build(tmp_path / "generated", build.store, build.clock)
    prefetch: Prefetch = plain.prefetch()
    prefetch.bookmarks()
    assert plain.contents().keys() == {
        "bookmarks/bookmarks.json",
        "bookmarks/slug-mapping.json",
        "bookmarks/index.json",
    }


# --------------------------------------------------------------------- links


def test_a_link_to_a_folder_that_releases_share_is_followed(build: Build, tmp_path: Path) -> None:
    """Tools that deploy link such folders into each release; what is not a mirror's file stays."""
    mirror(build)
    shared = tmp_path / "shared"
    (build.output / "images").rename(shared)
    (build.output / "images").symlink_to(shared)
    (shared / "theirs.png").write_bytes(b"theirs")
    remove_logo(build, 1)
    mirror(build)
    assert (build.output / "images").is_symlink()
    assert not (build.output / logo_key(1)).exists()
    assert (shared / "theirs.png").read_bytes() == b"theirs"
    assert [report.changed for report in mirror(build)] == [0, 0, 0]


def test_a_linked_file_gives_way_when_it_differs_and_what_it_leads_to_stays(
    build: Build, tmp_path: Path
) -> None:
    """Tools that keep large files apart, such as git-annex, link them into the site."""
    mirror(build)
    equal, changed = build.output / PAGES[0], build.output / logo_key(1)
    for path in (equal, changed):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    (tmp_path / changed.name).write_bytes(b"theirs")
    mirror(build)
    assert equal.is_symlink()
    assert not changed.is_symlink()
    assert (tmp_path / changed.name).read_bytes() == b"theirs"


def test_files_under_names_of_an_earlier_version_go(build: Build, tmp_path: Path) -> None:
    """They hold a repository back from being checked out on Windows; one that was changed stays."""

    def staged(*keys: str) -> None:
        log = logging.LoggerAdapter(logging.getLogger("test"))
        with MirrorStaging(tmp_path / "mirror", "bookmarks", log, max_output_mb=1) as staging:
            for key in keys:
                staging.add(key, b"1")
            staging.commit()

    staged("tags/aux/index.json", "tags/con/index.json", "tags/nul/index.json")
    for name, escaped, body in (("aux", "~61ux", b"1"), ("con", "~63on", b"edited")):
        (tmp_path / "mirror/tags" / escaped).rename(tmp_path / "mirror/tags" / name)
        (tmp_path / "mirror/tags" / name / "index.json").write_bytes(body)
    staged("tags/aux/index.json", "tags/con/index.json")
    top = tmp_path / "mirror" / "tags"
    files = {str(path.relative_to(top)) for path in top.rglob("index.json")}
    assert files == {"~61ux/index.json", "~63on/index.json", "con/index.json"}
