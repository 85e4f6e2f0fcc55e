"""The store as runs use it: what works, what is refused, and that nothing is left behind."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from datafetch.clock import SystemClock
from datafetch.doctor.addresses_check import PublicAddressCheck
from datafetch.doctor.anonymous import Anonymous
from datafetch.doctor.findings import Finding, Form
from datafetch.doctor.store_check import StoreCheck, StoreFacts
from datafetch.ops.lease import Grant
from datafetch.ops.leases.store import StoreLeases
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.store.public_urls import PublicUrls
from datafetch.store.s3 import S3Store
from tests.contract.support import open_s3
from tests.fakes.base import Answer, App, Request, Response
from tests.fakes.faults import reply
from tests.fakes.s3 import S3Fake, key_of
from tests.support import make_http, unprivileged, unprivileged_folder

KEYS = Keys("-test")
BUCKET = StoreFacts()
DENIED = reply(
    403,
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
    {"Content-Type": "application/xml"},
)


@pytest.fixture
def store(s3_fake: S3Fake) -> Iterator[S3Store]:
    """A bucket that makes public what visitors read."""
    with closing(open_s3(s3_fake, acl="public-read")) as opened:
        yield opened


def look(store: object, facts: StoreFacts = BUCKET) -> dict[str, Finding]:
    """What is found, by name."""
    check = StoreCheck(store, KEYS, facts, Anonymous(make_http()))  # type: ignore[arg-type]
    return {finding.check: finding for finding in check.look()}


def statuses(found: dict[str, Finding]) -> dict[str, str]:
    """How each is."""
    return {
        name: "skip" if one.form is Form.SKIPPED else one.status.value
        for name, one in found.items()
    }


def test_a_whole_bucket_is_well_and_stays_as_it_was(store, s3_fake):
    """Read, list, write, delete, conditions, versions, strangers, ACL; and no object is left."""
    s3_fake.put("json/bookmarks/index-test.json", b"{}")
    before = s3_fake.etags("")
    found = look(store, StoreFacts(acl="public-read"))
    assert set(statuses(found).values()) == {"ok"}
    assert set(found) == {
        *("store read", "store list", "store write", "store delete", "store conditions"),
        *("store versions", "private objects", "S3_OBJECT_ACL"),
    }
    assert found["store conditions"].detail.endswith("ETags are sent quoted")
    assert s3_fake.etags("") == before
    written = {key for method, key in s3_fake.requests() if method in ("PUT", "DELETE")}
    assert {key.rpartition("/")[0] for key in written} == {"json/datafetch/probe"}


def test_an_empty_bucket_is_well(store):
    """Before the first run nothing is there, which is no fault."""
    found = look(store)
    assert "there is no json/bookmarks/index-test.json yet" in found["store read"].detail
    assert found["store list"].detail == "works; nothing is stored yet"


def test_the_unquoted_form_of_etags_is_told(store, s3_fake):
    """Ceph, Spaces and Hetzner want it."""
    s3_fake.app.dialect = "unquoted"
    assert look(store)["store conditions"].detail.endswith("ETags are sent unquoted")


@pytest.mark.parametrize("dialect", ["ignoring", "unsupported", "unsupported-400"])
def test_a_store_without_conditions_fails_and_names_the_ways_out(store, s3_fake, dialect):
    """Three machines at once, all succeeded: it is seen before."""
    s3_fake.app.dialect = dialect
    found = look(store)["store conditions"]
    assert found.status == "fail"
    for way in ("DATAFETCH_LOCK=file", "redis://HOST", "dynamodb://TABLE"):
        assert way in found.hint


@pytest.mark.parametrize(("one_machine", "said"), [(True, True), (False, False)])
def test_with_locks_elsewhere_it_is_checked_not_atomic(store, s3_fake, one_machine, said):
    """It works, and is weaker than with conditions: a warning."""
    s3_fake.app.dialect = "ignoring"
    facts = StoreFacts(locks_elsewhere=True, one_machine=one_machine)
    found = look(store, facts)["store conditions"]
    assert found.status == "warn"
    assert "checked, not atomic" in found.detail
    assert ("this machine only" in found.hint) is said


def test_keys_that_may_only_read_fail_at_writing_alone(store, s3_fake):
    """The missing action is named, the rest is looked at all the same, and a build is said to work."""
    s3_fake.put("json/datafetch/jobs/logos-test.json", b"{}")
    s3_fake.app.inject(DENIED, "PUT ")
    found = look(store, StoreFacts(acl="public-read"))
    assert statuses(found) == {
        "store read": "ok",
        "store list": "ok",
        "store write": "fail",
        "private objects": "ok",
        "store conditions": "skip",
        "store versions": "ok",
    }
    assert "s3:PutObject" in found["store write"].detail
    assert "enough for `datafetch prefetch-build`" in found["store write"].hint


def test_a_refused_delete_names_what_stays(store, s3_fake):
    """The action is named, and the object that has to be removed by hand."""
    s3_fake.app.inject(DENIED, "DELETE ")
    found = look(store)["store delete"]
    assert found.status == "fail"
    assert "json/datafetch/probe/doctor-" in found.detail
    assert "s3:DeleteObject" in found.hint


def test_wrong_keys_fail_once_for_reading_and_listing(store, s3_fake):
    """What is refused both would be refused everything: the same is not said six times."""
    s3_fake.app.inject(DENIED)
    assert statuses(look(store)) == {"store read": "fail", "store list": "fail"}


def test_a_store_that_is_away_fails_once(s3_fake):
    """One line, and no wait for each of the others."""
    with closing(open_s3(s3_fake, max_retries=0)) as store:
        s3_fake.app.inject(reply(503))
        assert statuses(look(store)) == {"store read": "fail"}


def test_versions_are_told_where_the_keys_may_ask(store, s3_fake):
    """Kept versions grow with each run; keys without that right need none."""
    kept = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    s3_fake.app.inject(reply(200, kept, {"Content-Type": "application/xml"}), "versioning", times=1)
    assert "lifecycle" in look(store)["store versions"].detail
    s3_fake.app.inject(DENIED, "versioning")
    found = look(store)["store versions"]
    assert found.form is Form.SKIPPED
    assert "s3:GetBucketVersioning" in found.detail


def test_state_that_strangers_can_read_fails(store, s3_fake):
    """A bucket that is public as a whole shows locks, errors and history to everyone."""

    def shows(request: Request, _answer: Answer) -> Response:
        found = s3_fake.get(key_of(request))
        return Response(200, {}, found.body) if found else Response.text("no", 404)

    s3_fake.app.inject(shows, _anonymous_get)
    found = look(store)["private objects"]
    assert found.status == "fail"
    assert "json/datafetch/" in found.detail


@pytest.mark.parametrize(("shows", "status"), [("objects", "fail"), ("a page", "ok")])
def test_state_that_the_cdn_shows_fails(store, s3_fake, shows, status):
    """It may read the bucket with keys of its own; a page for every address shows nothing."""

    class Cdn(App):
        def answer(self, request: Request) -> Response:
            found = s3_fake.get(request.path.lstrip("/"))
            if shows == "a page" or found is None:
                return Response.text("<html>")
            return Response(200, {"Content-Type": "application/json"}, found.body)

    with Cdn().served() as server:
        found = look(store, StoreFacts(cdn=server.url))["private objects"]
    assert (found.status, "S3_CDN_URL" in found.detail) == (status, status == "fail")


def _anonymous_get(request: Request) -> bool:
    return request.method == "GET" and "authorization" not in request.headers


def test_an_acl_that_the_bucket_refuses_fails(store, s3_fake):
    """Buckets with owner enforced answer 400: every picture would fail."""
    s3_fake.app.inject(
        reply(
            400,
            "<Error><Code>AccessControlListNotSupported</Code><Message>no</Message></Error>",
            {"Content-Type": "application/xml"},
        ),
        lambda request: "x-amz-acl" in request.headers,
    )
    found = look(store, StoreFacts(acl="public-read"))["S3_OBJECT_ACL"]
    assert found.status == "fail"
    assert "AccessControlListNotSupported" in found.detail


def test_an_acl_that_is_taken_and_not_obeyed_is_warned_of(store, s3_fake):
    """Public access is blocked for the bucket as a whole."""
    s3_fake.app.inject(DENIED, _anonymous_get)
    found = look(store, StoreFacts(acl="public-read"))["S3_OBJECT_ACL"]
    assert (found.status, "blocks public ACLs" in found.hint) == ("warn", True)


def test_a_held_lock_is_not_disturbed(store, s3_fake):
    """A run under way keeps its lease, whatever the doctor writes."""
    leases = StoreLeases(store, KEYS, SystemClock(), lambda _job: 300.0, None)
    grant = leases.acquire("logos", "run-1")
    before = s3_fake.etags("json/datafetch/locks/")
    assert look(store)["store conditions"].status == "ok"
    assert s3_fake.etags("json/datafetch/locks/") == before
    renewed = leases.renew(grant)
    assert isinstance(renewed, Grant)
    leases.release(renewed)


# ------------------------------------------------------------------ folders


def test_a_folder_is_looked_at_and_left_as_it_was(tmp_path):
    """Even the empty folders of the probe are gone."""
    folder = tmp_path / "store"
    (folder / "images").mkdir(parents=True)
    found = look(LocalStore(folder), StoreFacts(folder=folder))
    assert set(statuses(found).values()) == {"ok"}
    assert [path for path in folder.rglob("*") if path.is_dir() and "json" in path.name] == []


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path):
    """The doctor writes to no place where nothing was."""
    folder = tmp_path / "store"
    found = look(LocalStore(folder), StoreFacts(folder=folder))
    assert "the first run makes it" in found["store"].detail
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_fails():
    """The user that runs this is told."""
    with unprivileged_folder() as base:
        base.chmod(0o500)
        folder = base / "store"
        found = look(LocalStore(folder), StoreFacts(folder=folder))
    assert found["store"].status == "fail"


def test_a_folder_that_may_not_be_seen_fails_in_plain_words():
    """The folder above it is closed to this user, as one of root is to cron's."""
    with unprivileged_folder() as closed:
        folder = closed / "store"
        folder.mkdir()
        closed.chmod(0o000)
        with unprivileged():
            found = look(LocalStore(folder), StoreFacts(folder=folder))
    assert found["store"].status == "fail"
    assert found["store"].detail == (
        f"{folder} is not there or cannot be seen, and this user may not write to {closed}"
    )


def test_a_folder_that_may_not_be_written_fails():
    """Reading goes on."""
    with unprivileged_folder() as folder, unprivileged():
        folder.chmod(0o500)
        found = look(LocalStore(folder), StoreFacts(folder=folder))
    assert found["store read"].status == "ok"
    assert found["store write"].status == "fail"


# ------------------------------------------------------------- web addresses


class Site(App):
    """A web server with one object."""

    def answer(self, request: Request) -> Response:
        if request.path.endswith("index-test.json"):
            return Response.json({"count": 1})
        return Response.text("no", 404)


def test_a_web_address_is_read_and_said_to_be_enough_for_builds():
    """Nothing is written there, which is no fault."""
    from datafetch.store.web import WebStore
    from datafetch.store_factory import _web_source

    with Site().served() as server:
        http = make_http()
        store = WebStore(server.url, _web_source(http, 0.0))
        found = look(store, StoreFacts(is_web=True))
    assert statuses(found) == {"store read": "ok", "store write": "skip"}
    assert "enough for prefetch-build" in found["store write"].detail


def test_a_web_address_without_the_list_is_warned_of():
    """One that answers 404 to everything is enough for no build."""
    from datafetch.store.web import WebStore
    from datafetch.store_factory import _web_source

    class Empty(App):
        def answer(self, request: Request) -> Response:
            del request
            return Response.text("no", 404)

    with Empty().served() as server:
        store = WebStore(server.url, _web_source(make_http(), 0.0))
        found = look(store, StoreFacts(is_web=True))
    assert found["store read"].status == "warn"
    assert "prefetch-build needs it" in found["store read"].detail


# ------------------------------------------------------------ public address


def public(store: object, cdn: str | None) -> Finding:
    """What is found at the public address."""
    urls = PublicUrls(cdn, store.url)  # type: ignore[attr-defined]
    check = PublicAddressCheck(store, KEYS, urls, Anonymous(make_http()))  # type: ignore[arg-type]
    (found,) = check.look()
    return found


def test_visitors_can_load_what_is_public(store, s3_fake):
    """A picture that is stored is asked for under the address of the settings."""
    store.put("images/a.png", b"1", content_type="image/png")
    found = public(store, f"{s3_fake.url}/{s3_fake.bucket}")
    assert (found.status, found.detail.endswith("/images/a.png")) == ("ok", True)
    assert public(store, None).status == "ok"


def test_a_public_address_that_shows_no_pictures_fails(store, s3_fake):
    """The site would show broken pictures."""
    s3_fake.put("images/a.png", b"1")
    found = public(store, f"{s3_fake.url}/{s3_fake.bucket}")
    assert found.status == "fail"
    assert "status 403" in found.detail
    assert "S3_CDN_URL" in found.hint


def test_a_public_address_that_does_not_answer_is_warned_of(store, s3_fake):
    """This machine may not be allowed to reach it."""
    s3_fake.put("json/bookmarks/index-test.json", b"{}")
    assert public(store, "http://127.0.0.1:9").status == "warn"


def test_nothing_stored_is_nothing_to_ask_for(store, s3_fake):
    """Before the first run nobody can tell; with a store that refuses nobody can either."""
    assert public(store, "http://127.0.0.1:9").form is Form.SKIPPED
    s3_fake.app.inject(DENIED)
    assert public(store, None).form is Form.SKIPPED


def test_a_folder_is_asked_by_its_public_address(tmp_path):
    """A folder that a web server shows."""
    Path(tmp_path / "json/bookmarks").mkdir(parents=True)
    (tmp_path / "json/bookmarks/index-test.json").write_text("{}")
    with Site().served() as server:
        assert public(LocalStore(tmp_path), server.url).status == "ok"
