"""scripts/sandbox: the command sees the world, its exit code and signals pass, and settings of the caller stay."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

SANDBOX = Path(__file__).parents[2] / "scripts" / "sandbox"
SMALL = ("--bookmarks", "5", "--domains", "3", "--repositories", "3")


def sandbox(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, str(SANDBOX), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_sees_the_world() -> None:
    """Two commands meet the same store and upstreams; what they stored is listed at the end."""
    program = """if True:
        import json, os, ssl, boto3, httpx2
        names = os.environ
        s3 = boto3.client("s3", endpoint_url=names["S3_SERVER_URL"], region_name=names["S3_REGION"],
            aws_access_key_id=names["S3_ACCESS_KEY_ID"], aws_secret_access_key=names["S3_SECRET_ACCESS_KEY"])
        s3.put_object(Bucket=names["S3_BUCKET"], Key=f"json/bookmarks/{os.getpid()}.json", Body=b"{}")
        trust = ssl.create_default_context(cafile=names["SSL_CERT_FILE"])
        page = httpx2.get(f"{names['BOOKMARKS_API_URL']}/api/v1/lists/{names['BOOKMARKS_LIST_ID']}/bookmarks",
            headers={"Authorization": "Bearer " + names["BOOKMARK_BEARER_TOKEN"]}, verify=trust)
        print(len(page.json()["bookmarks"]), len(s3.list_objects_v2(Bucket=names["S3_BUCKET"])["Contents"]))
    """
    twice = 'python -c "$PROGRAM" && python -c "$PROGRAM"'
    done = sandbox(*SMALL, "--show", "sh", "-c", twice, PROGRAM=program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["5 1", "5 2"]
    assert "2  json/bookmarks/" in done.stdout


def test_upstream_settings_are_the_worlds_and_others_the_callers() -> None:
    """Real credentials and proxies of the caller never reach the command; its own choices do."""
    own = {"DATAFETCH_STORE": "file:./here", "LOGO_BATCH_DELAY_MS": "7", "NODE_ENV": "test"}
    real = {
        "GITHUB_TOKEN": "real",
        "S3_SESSION_TOKEN": "real",
        "S3_BUCKET": "real",
        "HTTPS_PROXY": "http://real:1",
    }
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    seen = json.loads(sandbox(*SMALL, "python", "-c", show, **own, **real).stdout)
    assert {name: seen[name] for name in own} == own
    assert "real" not in {seen.get(name) for name in real}
    assert "DATAFETCH_ENV" not in seen
    assert seen["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_exit_codes_pass() -> None:
    """The command's own code, 128 and the signal when it died of one, 127 when there is no such command."""
    assert [sandbox(*SMALL, *command).returncode for command in (
        ("sh", "-c", "exit 75"), ("sh", "-c", "kill -KILL $$"), ("no-such-command",), (),
    )] == [75, 137, 127, 2]  # fmt: skip


def test_signals_reach_the_command() -> None:
    """A command that is told to end ends in its own way, and the sandbox with it."""
    program = """if True:
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        print("ready", flush=True)
        signal.pause()
    """
    process = subprocess.Popen(
        [sys.executable, str(SANDBOX), *SMALL, "python", "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 9
