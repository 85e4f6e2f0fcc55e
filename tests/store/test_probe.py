"""The probe: what a server's answers to a few writes say of its conditions."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from datafetch.errors import StoreConflict, StoreError
from datafetch.store.base import EtagForm, ObjectInfo
from datafetch.store.probe import (
    Lack,
    Reply,
    Trial,
    judge_creates,
    judge_forms,
    judge_trial,
    probe,
)
from datafetch.store.s3 import S3Store
from tests.contract.support import open_s3
from tests.fakes.base import Answer
from tests.fakes.faults import dropped, reply
from tests.fakes.message import Request, Response
from tests.fakes.s3 import S3Fake, key_of
from tests.fakes.s3_dialects import Dialect
from tests.stores import EPOCH, ServerMemory

STORED, REFUSED, BUSY, UNKNOWN = Reply.STORED, Reply.REFUSED, Reply.BUSY, Reply.UNKNOWN


@pytest.mark.parametrize(
    ("replies", "lack"),
    [
        ((STORED, *[REFUSED] * 7), None),
        ((*[REFUSED] * 3, STORED, *[BUSY] * 4), None),
        ((STORED,) * 8, Lack.IGNORED),
        ((STORED, STORED, *[REFUSED] * 6), Lack.IGNORED),
        ((UNKNOWN,) * 8, Lack.UNKNOWN),
        ((*[REFUSED] * 7, UNKNOWN), Lack.UNKNOWN),
        ((REFUSED,) * 8, Lack.REFUSED),
        ((BUSY,) * 8, None),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_of_writes_that_create_one_key_exactly_one_may_win(
    replies: tuple[Reply, ...], lack: Lack | None
) -> None:
    """Two winners mean that conditions are ignored, or checked before the write; a 409 is a refusal."""
    assert judge_creates(replies) is lack


@pytest.mark.parametrize(
    ("trial", "lack"),
    [
        (Trial(STORED, (REFUSED, REFUSED, REFUSED)), None),
        (Trial(STORED, (BUSY, REFUSED, BUSY)), None),
        (Trial(STORED, (REFUSED, STORED, REFUSED)), Lack.IGNORED),
        (Trial(STORED, (STORED, UNKNOWN, REFUSED)), Lack.IGNORED),
        (Trial(STORED, (REFUSED, REFUSED, STORED)), Lack.IGNORED),
        (Trial(STORED, (REFUSED, UNKNOWN, REFUSED)), Lack.UNKNOWN),
        (Trial(REFUSED), Lack.REFUSED),
        (Trial(UNKNOWN), Lack.UNKNOWN),
    ],
    ids=str,
)
def test_a_form_works_when_what_holds_is_stored_and_what_does_not_is_refused(
    trial: Trial, lack: Lack | None
) -> None:
    """Both sides count: a server that stores everything keeps no conditions, nor does one that stores nothing."""
    assert judge_trial(trial) is lack


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ((Lack.IGNORED, Lack.REFUSED), Lack.IGNORED),
        ((Lack.REFUSED, Lack.IGNORED), Lack.IGNORED),
        ((Lack.UNKNOWN, Lack.REFUSED), Lack.UNKNOWN),
        ((Lack.REFUSED, Lack.REFUSED), Lack.REFUSED),
    ],
)
def test_of_two_forms_that_do_not_work_the_worse_is_told(
    lacks: tuple[Lack, Lack], said: Lack
) -> None:
    """The user reads why the server cannot be used, not what the last attempt happened to meet."""
    assert judge_forms(lacks) is said


@pytest.fixture
def store(s3_fake: S3Fake) -> Iterator[S3Store]:
    """A store in the fake's bucket."""
    with closing(open_s3(s3_fake, width=12)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("dialect", "found"),
    [
        ("quoted", EtagForm.QUOTED),
        ("unquoted", EtagForm.UNQUOTED),
        ("ignoring", Lack.IGNORED),
        ("unsupported", Lack.UNKNOWN),
        ("unsupported-400", Lack.UNKNOWN),
    ],
)
def test_each_dialect_is_found_out(
    s3_fake: S3Fake, store: S3Store, dialect: Dialect, found: EtagForm | Lack
) -> None:
    """Stores with ETags without quotes locked for ever; on those that ignore conditions three machines worked at once."""
    s3_fake.app.dialect = dialect
    assert probe(store) is found
    written = {key for method, key in s3_fake.requests() if method == "PUT"}
    assert all(
        re.fullmatch(r"json/datafetch/probe/[0-9a-f]{16}-[a-z-]+\.json", key) for key in written
    )
    assert s3_fake.keys() == []


def test_no_two_writes_of_a_probe_send_the_same_bytes(s3_fake: S3Fake, store: S3Store) -> None:
    """A store takes its own bytes, read back after a refusal, for a write that succeeded."""
    bodies: list[bytes] = []

    def note(request: Request, answer: Answer) -> Response:
        bodies.append(request.body)
        return answer(request)

    s3_fake.app.inject(note, lambda request: request.method == "PUT")
    probe(store)
    assert len(bodies) == 13
    assert len(set(bodies)) == 13
    assert all(isinstance(json.loads(body), dict) for body in bodies)


def test_eight_writes_create_one_key_at_once(s3_fake: S3Fake, store: S3Store) -> None:
    """A server that checks first and writes afterwards is seen through only by writes at the same moment."""
    together = threading.Barrier(8)

    def meet(request: Request, answer: Answer) -> Response:
        together.wait(20)
        return answer(request)

    s3_fake.app.inject(meet, _creates, times=8)
    assert probe(store) is EtagForm.QUOTED


def test_a_server_that_checks_before_it_writes_ignores_conditions(
    s3_fake: S3Fake, store: S3Store
) -> None:
    """One after the other its conditions hold; at once, two writers both create the key."""
    together = threading.Barrier(8)
    seen = Counter[str]()

    def check_then_write(request: Request, answer: Answer) -> Response:
        seen[key_of(request)] += 1
        together.wait(20)
        return answer(_without(request, "if-none-match"))

    s3_fake.app.inject(check_then_write, _creates, times=8)
    assert probe(store) is Lack.IGNORED
    assert [*seen.values()] == [8]


def test_a_form_that_is_ignored_is_not_the_last_word(s3_fake: S3Fake, store: S3Store) -> None:
    """A server that overlooks an ETag in quotes may keep the condition of one without them."""

    def overlook(request: Request, answer: Answer) -> Response:
        return answer(_without(request, "if-match"))

    s3_fake.app.dialect = "unquoted"
    s3_fake.app.inject(overlook, lambda request: request.headers.get("if-match", "")[:1] == '"')
    assert probe(store) is EtagForm.UNQUOTED


def test_a_server_that_is_busy_is_judged_by_the_others_answers(
    s3_fake: S3Fake, store: S3Store
) -> None:
    """A 409 to one of the eight that were at it at once is a refusal like any other, not a lack."""
    s3_fake.app.inject(
        reply(409, _error("ConditionalRequestConflict"), {"Content-Type": "application/xml"}),
        _creates,
        times=4,
    )
    assert probe(store) is EtagForm.QUOTED


def test_a_server_that_stays_busy_is_not_judged(s3_fake: S3Fake, store: S3Store) -> None:
    """A conflict at each attempt of a write that must succeed says nothing of conditions: try again later."""
    s3_fake.app.inject(
        reply(409, _error("ConditionalRequestConflict"), {"Content-Type": "application/xml"}),
        lambda request: "quoted" in request.path and request.method == "PUT",
    )
    with pytest.raises(StoreConflict, match="too busy"):
        probe(store)
    assert s3_fake.keys() == []


@pytest.mark.parametrize("after", [0, 8, 9, 10])
def test_a_server_that_does_not_answer_is_not_judged(
    s3_fake: S3Fake, store: S3Store, after: int
) -> None:
    """A broken connection at any of the writes is an error of the store, never a verdict, and what was written goes."""
    s3_fake.app.inject(dropped(), lambda request: request.method == "PUT", after=after)
    with pytest.raises(StoreError):
        probe(store)
    assert s3_fake.keys() == []


def test_an_object_that_may_not_be_deleted_stays_and_is_told(
    s3_fake: S3Fake, store: S3Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A user without the right to delete has three small objects too many, and a store that works."""
    denied = reply(403, _error("AccessDenied"), {"Content-Type": "application/xml"})
    s3_fake.app.inject(denied, lambda request: request.method == "DELETE")
    assert probe(store) is EtagForm.QUOTED
    left = [record for record in caplog.records if record.message == "probe_not_deleted"]
    assert {vars(record)["key"] for record in left} >= set(s3_fake.keys())
    assert len(s3_fake.keys()) == 2


def _creates(request: Request) -> bool:
    return request.method == "PUT" and key_of(request).endswith("-create.json")


def _without(request: Request, header: str) -> Request:
    headers = {name: value for name, value in request.headers.items() if name != header}
    return replace(request, headers=headers)


def _error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


class Dated(ServerMemory):
    """A server of which some objects are older than those that are written now."""

    def __init__(self, ages: dict[str, timedelta]) -> None:
        super().__init__()
        self.ages = ages
        for key in ages:
            self.put(key, b"left")

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for info in super().list(prefix):
            yield replace(info, last_modified=EPOCH - self.ages.get(info.key, timedelta()))


def test_what_a_killed_probe_left_goes_with_the_next_probe_after_a_day() -> None:
    """Objects of probes that were killed stayed in the bucket; those of a living one stay."""
    folder = "json/datafetch/probe/"
    day, hour = timedelta(days=1), timedelta(hours=1)
    store = Dated({f"{folder}old-create.json": day + hour, f"{folder}new-create.json": day - hour})
    store.put("json/datafetch/probes.json", b"{}")
    store.ages["json/datafetch/probes.json"] = 9 * day
    assert probe(store) is EtagForm.QUOTED
    assert sorted(store.objects) == [f"{folder}new-create.json", "json/datafetch/probes.json"]
