"""Runs the store contract suite against every S3 server that is installed, and prints a table.

    scripts/check --servers [PROGRAM…]

A server that is not installed, or too old, is skipped by name. Exit code 1: one that is here did not start.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import boto3
from botocore.config import Config

from datafetch.store.base import EtagForm
from datafetch.store.s3 import S3Store
from scripts.servers.holds import Holds, what_holds
from scripts.servers.known import SERVERS, CannotRun, KnownServer, started, version_of

REGION = "us-east-1"
TEST_S = 60
"""Seconds that one test may take on one server."""


@dataclass(frozen=True)
class Verdict:
    """What became of one server's run.

    Attributes:
        passed: number of tests.
        failed: the names of the tests that failed.
    """

    program: str
    version: str
    holds: Holds
    passed: int
    failed: tuple[str, ...]


def main(programs: Sequence[str]) -> int:
    """Run the named servers, or all."""
    chosen = [server for server in SERVERS if not programs or server.program in programs]
    verdicts: list[Verdict] = []
    code = 0
    with tempfile.TemporaryDirectory(prefix="datafetch-servers-") as scratch:
        for server in chosen:
            print(f"{server.program}…", file=sys.stderr, flush=True)
            try:
                verdicts.append(tried(server, Path(scratch)))
            except CannotRun as why:
                print(f"skipped: {server.program}: {why}", file=sys.stderr)
                code = code or int(not str(why).startswith(("not found", "too old")))
    print(table(verdicts))
    return code


def tried(server: KnownServer, scratch: Path) -> Verdict:
    """Start a server, ask what it holds, and run the suite on it."""
    folder = scratch / server.program
    folder.mkdir()
    with started(server, folder) as url:
        for bucket in ("asked", "contract"):
            make_bucket(server, url, bucket)
        with (
            closing(opened(server, url)) as store,
            closing(opened(server, url, acl="public-read")) as with_acl,
        ):
            holds = what_holds(store, with_acl)
        form = (
            EtagForm.UNQUOTED
            if "yes" not in holds.quoted and holds.unquoted == "yes"
            else EtagForm.QUOTED
        )
        passed, failed = suite(server, url, form, scratch / f"{server.program}.xml")
    return Verdict(server.program, version_of(server), holds, passed, failed)


def make_bucket(server: KnownServer, url: str, bucket: str) -> None:
    """Make a bucket, as datafetch itself never does."""
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
        config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}),
    )
    try:
        client.create_bucket(Bucket=bucket)
    except Exception as error:
        raise CannotRun(f"makes no bucket ({type(error).__name__})") from error
    finally:
        client.close()


def opened(server: KnownServer, url: str, acl: str | None = None) -> S3Store:
    """A store in the bucket that is asked what it holds."""
    return S3Store(
        "asked",
        endpoint=url,
        region=REGION,
        access_key=server.key,
        secret_key=server.secret,
        acl=acl,
        max_retries=1,
        read_timeout_s=10.0,
    )


def suite(
    server: KnownServer, url: str, form: EtagForm, report: Path
) -> tuple[int, tuple[str, ...]]:
    """Run the contract suite on a server; the number of tests that passed and the names of the others."""
    subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "tests.contract.server", f"--timeout={TEST_S}",
            f"--s3-endpoint={url}", f"--s3-key={server.key}", f"--s3-secret={server.secret}",
            f"--s3-form={form.value}", f"--junitxml={report}", "tests/contract/test_store.py",
        ],
        stdout=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    cases = [*ET.parse(report).iter("testcase")]  # noqa: S314 - pytest wrote it
    failed = {
        case.get("name", "")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }
    skipped = [case for case in cases if case.find("skipped") is not None]
    return len({case.get("name") for case in cases}) - len(failed) - len(skipped), tuple(
        sorted(failed)
    )


def table(verdicts: Sequence[Verdict]) -> str:
    """A Markdown table, and below it the tests that failed."""
    names = ["server", "version", *(field.name for field in fields(Holds)), "passed", "failed"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for verdict in verdicts:
        counts = (str(verdict.passed), str(len(verdict.failed)))
        cells = [verdict.program, verdict.version, *astuple(verdict.holds), *counts]
        lines.append("| " + " | ".join(cells) + " |")
    for verdict in verdicts:
        lines.extend(f"{verdict.program}: {name}" for name in verdict.failed)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
