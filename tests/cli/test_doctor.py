"""`datafetch doctor` as a process: with settings of every kind, and in worlds that are away."""

import json
import subprocess
import threading
from pathlib import Path

import pytest

from tests.fakes.faults import dropped, held
from tests.processes import Finished, clean_environment, command_line, datafetch
from tests.terminals import in_a_terminal

CANARIES = {
    "S3_ACCESS_KEY_ID": "canary-access-0001",
    "S3_SECRET_ACCESS_KEY": "canary-secret-0002",
    "BOOKMARK_BEARER_TOKEN": "ak2_canary00000003_canary",
    "GITHUB_TOKEN": "ghp_canary0000000000000004",
    "BOOKMARKS_HEADERS": "X-Key: canary-header-0005",
    "DATAFETCH_LOCK": "redis://:canary-redis-0006@127.0.0.1:9",
    "HTTPS_PROXY": "http://user:canary-proxy-0007@127.0.0.1:9",
}
NOBODY = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}
"""Variables that lead to nobody: no test asks the internet."""


def found(done: Finished) -> dict[str, dict[str, str]]:
    """What `--json` printed, by check; every entry has the four fields."""
    array = json.loads(done.out)
    assert all(set(entry) == {"check", "status", "detail", "hint"} for entry in array)
    assert {entry["status"] for entry in array} <= {"ok", "warn", "fail"}
    return {entry["check"]: entry for entry in array}


def test_a_machine_with_nothing_set(tmp_path):
    """No settings, no servers: warnings, exit 0, and nothing is made in the folder."""
    done = datafetch("doctor", "--json", cwd=tmp_path, **NOBODY)
    assert (done.code, done.err) == (0, "")
    told = found(done)
    assert told["settings file"]["detail"].startswith("there is no")
    assert told["job bookmarks"]["detail"].startswith("not configured")
    assert told["logos from google"]["status"] == "warn"
    assert list(tmp_path.iterdir()) == [tmp_path / "runtime"] or not list(tmp_path.glob(".data*"))


def test_broken_settings_are_lines_and_the_rest_is_looked_at(tmp_path):
    """Where every other command ends with 78, this one names all problems and goes on."""
    (tmp_path / ".env").write_text("S3_BUCKET=s3://site\nLOGO_BATCH_SIZE=-1\nS3_READ_ONLY=true\n")
    done = datafetch("doctor", "--json", cwd=tmp_path, BOOKMARKS_LIST_ID="abc", **NOBODY)
    assert (done.code, done.err) == (1, "")
    told = found(done)
    for name in ("S3_BUCKET", "LOGO_BATCH_SIZE", "BOOKMARKS_API_URL", "BOOKMARK_BEARER_TOKEN"):
        assert told[name]["status"] == "fail", name
        assert told[name]["hint"], name
    assert told["S3_READ_ONLY"]["status"] == "warn"
    assert told["store"]["detail"] == "not looked at: a setting of it is invalid"
    assert told["bookmark server"]["detail"] == "not looked at: a setting of it is missing"
    assert told["time zones"]["status"] == "ok"


def test_a_proxy_that_cannot_be_used_is_one_line(tmp_path):
    """Nothing is asked past it, and that is said."""
    done = datafetch("doctor", "--json", cwd=tmp_path, HTTPS_PROXY="ftp://127.0.0.1:9")
    assert (done.code, done.err) == (1, "")
    told = found(done)
    assert told["proxy"]["status"] == "fail"
    assert told["store"]["detail"] == "not looked at: the proxy of the environment cannot be used"


def test_a_web_address_is_for_builds(tmp_path, world):
    """It can be read, and no line calls a job's settings wrong for it."""
    environment = {**world.environment(), **NOBODY, "DATAFETCH_ENV": "test"}
    done = datafetch(
        "doctor", "--json", cwd=tmp_path, DATAFETCH_STORE="http://127.0.0.1:9/x", **environment
    )
    told = found(done)
    assert told["store read"]["status"] == "fail"
    assert "enough for prefetch-build" in told["store write"]["detail"]
    assert told["DATAFETCH_STORE"]["detail"] == "http://127.0.0.1:9/x (in the environment)"
    assert "public address" not in told


def test_a_lock_service_that_is_away_fails(tmp_path, s3_fake):
    """Without it no job can run."""
    environment = {**s3_fake.environment, **NOBODY, "DATAFETCH_ENV": "test"}
    done = datafetch(
        "doctor", "--json", cwd=tmp_path, DATAFETCH_LOCK="redis://127.0.0.1:9", **environment
    )
    told = found(done)
    assert (done.code, told["lock service"]["status"]) == (1, "fail")
    assert told["store read"]["status"] == "ok"


def test_offline_asks_nobody_and_says_what_it_left_out(tmp_path, s3_fake, world):
    """Settings, schedule and machine only."""
    environment = {**world.environment(), **s3_fake.environment, "DATAFETCH_ENV": "test"}
    s3_fake.app.count_from_here()
    done = datafetch("doctor", "--offline", "--json", cwd=tmp_path, **environment)
    assert (done.code, done.err) == (0, "")
    told = found(done)
    assert told["store"]["detail"] == "not looked at: --offline"
    assert told["bookmark server, GitHub, logo services"]["detail"] == "not looked at: --offline"
    assert "cron daemon" in told
    assert s3_fake.requests() == []
    assert set(world.requests().values()) == {0}


def test_a_whole_world_is_well(tmp_path, s3_fake, world):
    """Everything answers: nothing fails, nothing stays in the store, and programs read one array."""
    environment = {**world.environment(), **s3_fake.environment, "DATAFETCH_ENV": "test"}
    assert datafetch("bookmarks", "--quiet", cwd=tmp_path, **environment).code == 0
    before = s3_fake.etags("")
    done = datafetch("doctor", "--json", cwd=tmp_path, **environment)
    assert (done.code, done.err) == (0, "")
    told = found(done)
    for check in (
        *("store read", "store write", "store delete", "store conditions", "private objects"),
        *("bookmark list", "lists", "GitHub", "GITHUB_REPO_OWNER", "logos from google"),
        *("pauses", "certificates", "clock"),
    ):
        assert told[check]["status"] == "ok", told[check]
    assert s3_fake.etags("") == before


@pytest.mark.parametrize("fault", ["hangs", "drops"])
def test_a_server_that_is_away_costs_its_own_line(tmp_path, s3_fake, world, fault):
    """The others are told all the same, and the command ends by itself."""
    never = threading.Event()
    world.karakeep.inject(held(never) if fault == "hangs" else dropped())
    environment = {**world.environment(), **s3_fake.environment, "DATAFETCH_ENV": "test"}
    done = datafetch("doctor", "--json", cwd=tmp_path, **environment)
    never.set()
    assert done.code == 1
    told = found(done)
    assert told["bookmark server"]["status"] == "fail"
    assert [told[check]["status"] for check in ("store read", "GitHub", "time zones")] == ["ok"] * 3


def test_a_store_that_hangs_costs_its_own_line(tmp_path, s3_fake, world):
    """Its connections are cut at the end, so that the process need not wait for them."""
    never = threading.Event()
    s3_fake.app.inject(held(never))
    environment = {**world.environment(), **s3_fake.environment, "DATAFETCH_ENV": "test"}
    done = datafetch("doctor", "--json", cwd=tmp_path, **environment)
    never.set()
    assert done.code == 1
    told = found(done)
    assert told["store read"]["status"] == "fail"
    assert told["bookmark list"]["status"] == "ok"


def test_a_signal_is_no_empty_array(tmp_path, s3_fake):
    """Programs would take it for a machine that is well."""
    never = threading.Event()
    s3_fake.app.inject(held(never))
    s3_fake.app.count_from_here()
    process = subprocess.Popen(
        command_line("doctor", "--json"),
        cwd=tmp_path,
        env=clean_environment(**s3_fake.environment, **NOBODY, DATAFETCH_ENV="test"),
        stdout=subprocess.PIPE,
        text=True,
    )
    s3_fake.app.log.wait_for(1)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    never.set()
    s3_fake.app.heal()
    assert process.returncode == 143
    (finding,) = json.loads(out)
    assert (finding["check"], finding["status"]) == ("doctor", "fail")
    assert finding["detail"] == "not done: stopped by SIGTERM"


def test_no_secret_is_shown_anywhere(tmp_path):
    """On the screen, in JSON, in the log with --verbose: a report is pasted into issues."""
    environment = {
        **CANARIES,
        "S3_BUCKET": "site",
        "S3_SERVER_URL": "http://127.0.0.1:9",
        "DATAFETCH_ENV": "production",
        "BOOKMARKS_API_URL": "https://karakeep.example.org",
        "BOOKMARKS_LIST_ID": "abc",
        "GITHUB_REPO_OWNER": "octocat",
        "NO_PROXY": "127.0.0.1",
    }
    for option in ("--json", "--verbose"):
        done = datafetch("doctor", option, cwd=tmp_path, **environment)
        assert done.code == 1
        assert "canary" not in done.out + done.err
    assert "lock service" in done.out


def test_quiet_prints_only_what_fails(tmp_path):
    """For cron: silence as long as nothing fails."""
    done = datafetch("doctor", "--quiet", "--offline", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    done = datafetch("doctor", "--quiet", "--offline", cwd=tmp_path, LOGO_BATCH_SIZE="x")
    assert done.code == 1
    assert "LOGO_BATCH_SIZE" in done.out


def test_a_pipe_has_no_colours(tmp_path):
    """Marks, words, and a line for each."""
    done = datafetch("doctor", "--offline", cwd=tmp_path)
    assert "\x1b" not in done.out
    assert done.out.startswith("Settings\n")
    # With a cron daemon on the machine there is one more: no crontab starts datafetch.
    assert done.out.endswith(("1 warning\n", "2 warnings\n"))


@pytest.mark.parametrize("columns", [80, 160])
def test_a_terminal_of_each_width_shows_every_line_whole(tmp_path, columns):
    """No line is wrapped by the terminal itself."""
    shown = in_a_terminal("doctor", "--offline", cwd=tmp_path, environment={}, columns=columns)
    assert shown.code == 0
    plain = shown.raw.replace("\r", "")
    for code in ("0", "1", "2", "31", "32", "33"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert max(map(len, plain.split("\n"))) <= columns
    for group in ("Settings", "Store", "Upstreams", "Schedule", "Machine"):
        assert f"\n{group}\n" in f"\n{plain}"


def test_a_lock_file_of_tests_is_not_left(tmp_path):
    """The lock that is tried is removed again."""
    folder = Path(tmp_path) / "locks"
    done = datafetch(
        "doctor", "--offline", "--json", cwd=tmp_path, DATAFETCH_RUNTIME_DIR=str(folder)
    )
    assert found(done)["locks of this machine"]["status"] == "ok"
    assert [path.name for path in folder.rglob("*.lock")] == []
