"""Which settings worker processes are given, and that nothing shows the secrets among them."""

import logging
import pickle

import pytest
from pydantic import SecretStr

from datafetch.environment import load_settings
from datafetch.redaction import redact
from datafetch.settings import SECRET_NAMES, Settings
from datafetch.worker_settings import charge_of, settings_of

CANARY = "Canary0123456789"

EVERYTHING = {
    "DATAFETCH_STORE": "s3://site/data",
    "DATAFETCH_ENV": "test",
    "S3_SERVER_URL": "https://s3.example.com",
    "S3_REGION": "eu-west-1",
    "S3_ADDRESSING": "path",
    "S3_OBJECT_ACL": "public-read",
    "S3_CDN_URL": "https://cdn.example.com",
    "BOOKMARKS_API_URL": "https://karakeep.example.com",
    "BOOKMARKS_LIST_ID": "list",
    "BOOKMARKS_INCLUDE_SUBLISTS": "true",
    "GITHUB_REPO_OWNER": "acme",
    "GITHUB_EXCLUDE": "acme/tool",
    "GITHUB_API_URL": "https://github.example.com/api/v3",
    "GITHUB_ACTIONS": "true",
    "LOGO_BATCH_SIZE": "7",
    "LOGO_BATCH_DELAY_MS": "90",
    "LOGO_DOMAIN_FILES": "a.txt,b.txt",
    "OG_FETCH_TIMEOUT_MS": "900",
    "S3_LOGOS_CRON": "off",
    "DATAFETCH_CONCURRENCY": "3",
    "DATAFETCH_RETRY_MAX_SECONDS": "2.5",
    "DATAFETCH_USER_AGENT": "mine/1",
    "DATAFETCH_ALLOW_HOSTS": "127.0.0.1, Intranet",
    "DATAFETCH_TIMEOUT_SECONDS": "90",
    "DATAFETCH_TRUSTED_PROXIES": "10.0.0.0/8",
    "CI": "false",
}
SECRETS = {
    "S3_ACCESS_KEY_ID": f"{CANARY}-1",
    "S3_SECRET_ACCESS_KEY": f"{CANARY}-2",
    "S3_SESSION_TOKEN": f"{CANARY}-3",
    "BOOKMARK_BEARER_TOKEN": f"{CANARY}-4",
    "BOOKMARKS_HEADERS": f"X-Pass: {CANARY}-5",
    "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH": f"{CANARY}-6",
}
OTHERS = {
    "BOOKMARK_CRON_REFRESH_SECRET": f"{CANARY}-7",
    "GITHUB_CRON_REFRESH_SECRET": f"{CANARY}-8",
    "DATAFETCH_PING_URL": f"https://hc.example/{CANARY}-9",
    "DATAFETCH_NOTIFY": f"json://me.example/{CANARY}-10",
    "DATAFETCH_CHANGE_URL": f"https://me.example/{CANARY}-11",
    "DATAFETCH_CHANGE_SECRET": f"{CANARY}-12",
    "DATAFETCH_PUSHGATEWAY": f"https://me.example/{CANARY}-13",
    "GITHUB_REFRESH_SECRET": f"{CANARY}-14",
    "DATAFETCH_METRICS_TOKEN": f"{CANARY}-15",
}
"""Secrets that no work on items needs."""

LEFT_OUT = {
    "DATAFETCH_CLUSTER": "tls://scheduler:8786",
    "DATAFETCH_CLUSTER_INSECURE": "true",
    "DATAFETCH_METRICS_FILE": "/var/metrics.prom",
    "DATAFETCH_RUNTIME_DIR": "/run/datafetch",
    "DRY_RUN": "true",
    "S3_TEST_LIMIT": "5",
}


def loaded(monkeypatch: pytest.MonkeyPatch, *several: dict[str, str]) -> Settings:
    """The settings that these variables make."""
    for variables in several:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
    return load_settings(None)


def test_a_worker_works_with_the_settings_of_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that says how items are worked on arrives, with the names that messages use."""
    ours = loaded(monkeypatch, EVERYTHING, SECRETS)
    theirs = settings_of(charge_of(ours))
    assert theirs.model_dump(exclude={"places_used"}) == ours.model_dump(exclude={"places_used"})
    assert theirs.name_of("github_token") == "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH"


def test_what_only_the_run_needs_stays_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither who is told of runs, nor who may ask the server, nor the cluster itself is sent."""
    ours = loaded(monkeypatch, EVERYTHING, SECRETS, OTHERS, LEFT_OUT)
    charge = charge_of(ours)
    sent = charge.get_secret_value()
    assert [text for text in OTHERS.values() if text in sent] == []
    theirs = settings_of(charge)
    assert theirs.cluster_place is None
    assert (theirs.dry_run, theirs.test_limit) == (False, None)
    assert (theirs.metrics_file, theirs.runtime_dir) == (None, None)


def test_each_secret_is_either_needed_or_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is added to the settings is sent to nobody before somebody says so here."""
    known = {*SECRETS, *OTHERS, "GITHUB_TOKEN", "GITHUB_API_TOKEN"}
    assert known == SECRET_NAMES


def test_nothing_shows_a_secret_of_the_charge(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Dask writes the arguments of calls into its log: they show asterisks, also after the journey."""
    charge = charge_of(loaded(monkeypatch, EVERYTHING, SECRETS))
    arrived = pickle.loads(pickle.dumps(charge))
    assert isinstance(arrived, SecretStr)
    for value in (charge, arrived, {"charge": arrived}, settings_of(arrived)):
        assert CANARY not in repr(value) + str(value)
    logging.getLogger("distributed").warning("Run Failed, args: %s", ((arrived,),))
    assert CANARY not in caplog.text


def test_secrets_are_masked_where_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's log hides them, also a header's value alone."""
    ours = loaded(monkeypatch, EVERYTHING)
    told = charge_of(ours).get_secret_value()
    marks = {"github_token": "Arrives0123-1", "bookmarks_headers": "X-Pass: Arrives0123-2"}
    values = "".join(f',"{name}":"{text}"' for name, text in marks.items())
    settings_of(SecretStr(told.replace('{"values":{', '{"values":{"ci":false' + values + ",", 1)))
    assert "Arrives0123" not in redact("sent Arrives0123-1 and Arrives0123-2")


def test_a_folder_is_the_same_one_wherever_a_worker_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """`file:data`, and the default folder, are of the run's own folder."""
    monkeypatch.chdir(str(tmp_path))
    for variables, name in (({}, ".datafetch"), ({"DATAFETCH_STORE": "file:data"}, "data")):
        assert settings_of(charge_of(loaded(monkeypatch, variables))).store == (
            f"file:{tmp_path}/{name}"
        )


def test_where_locks_live_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis has a password; workers learn only that the store itself keeps no locks."""
    ours = loaded(monkeypatch, {"DATAFETCH_LOCK": f"redis://:{CANARY}-16@cache.example"})
    charge = charge_of(ours)
    assert CANARY not in charge.get_secret_value()
    assert settings_of(charge).lock_place == "file"
