"""Which cron daemon there is, by processes and files, and whether it reads CRON_TZ."""

from pathlib import Path

import pytest

from datafetch.doctor.cron_daemons import CronDaemon, find_daemon, has_systemd, in_container
from tests.cron_daemons import KINDS, program_of
from tests.doctor.roots import CRONIE, put, start, with_cronie, with_debians
from tests.programs import skip


def test_a_system_without_cron(tmp_path):
    """Slim images have none."""
    start(tmp_path, "bash")
    assert find_daemon(tmp_path) is None


def test_cronie_and_debians_cron_are_told_apart(tmp_path):
    """The one reads CRON_TZ, the other ignores it without a word."""
    with_cronie(tmp_path / "fedora")
    with_debians(tmp_path / "debian")
    assert find_daemon(tmp_path / "fedora") == CronDaemon("cronie", True, runs=True)
    assert find_daemon(tmp_path / "debian") == CronDaemon("Debian's cron", False, runs=True)


def test_one_that_is_only_installed_is_said_not_to_run(tmp_path):
    """In a container the package is there, and nobody has started it."""
    put(tmp_path, "usr/sbin/crond", CRONIE, 0o755)
    assert find_daemon(tmp_path) == CronDaemon("cronie", True, runs=False)


def test_busybox_reads_neither_zone_nor_path(tmp_path):
    """Alpine's crond is a link to busybox."""
    put(tmp_path, "bin/busybox", b"\x7fELF")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/crond").symlink_to("/bin/busybox")
    start(tmp_path, "crond")
    assert find_daemon(tmp_path) == CronDaemon("busybox crond", False, reads_path=False, runs=True)


def test_busybox_itself_is_no_cron(tmp_path):
    """Its processes are shells and much else."""
    start(tmp_path, "busybox", words=b"busybox\0sh\0")
    assert find_daemon(tmp_path) is None


@pytest.mark.parametrize(
    ("process", "name", "zone"),
    [
        ("supercronic", "supercronic", True),
        ("fcron", "fcron", False),
        ("bcron-sched", "bcron", False),
        ("crond", "crond", None),
    ],
)
def test_others_are_known_by_their_process(tmp_path, process, name, zone):
    """Where the file cannot be found nothing is claimed of cron and crond."""
    start(tmp_path, process)
    assert find_daemon(tmp_path) == CronDaemon(name, zone, runs=True)


@pytest.mark.parametrize(
    ("version", "zone"), [("1.15.19-5", False), ("2.1.3-1", True), ("2.5.1", True)]
)
def test_systemd_cron_reads_the_zone_from_a_version_on(tmp_path, version, zone):
    """2.1.3 was the first."""
    put(tmp_path, "usr/lib/systemd/system-generators/systemd-crontab-generator")
    put(tmp_path, "var/lib/dpkg/status", f"Package: systemd-cron\nVersion: {version}\n\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert find_daemon(tmp_path) == CronDaemon("systemd-cron", zone, runs=True)
    assert has_systemd(tmp_path)


def test_a_container_is_known_by_its_marks(tmp_path):
    """There no cron is no wonder."""
    assert not in_container(tmp_path)
    put(tmp_path, "run/.containerenv")
    assert in_container(tmp_path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.package)
def test_the_real_daemons_are_judged_as_they_behave(tmp_path, kind):
    """The other tests measure what each does; here the file alone tells it."""
    path = program_of(kind)
    if path is None:
        skip(kind.package, "it is not installed")
    name = "crond" if kind.package == "busybox-static" else Path(path).name
    target = tmp_path / "usr/sbin" / name
    target.parent.mkdir(parents=True)
    target.symlink_to(path)
    found = find_daemon(tmp_path)
    assert found is not None
    assert (found.reads_zone, found.reads_path) == (kind.reads_zone, kind.reads_path)
