"""This machine: certificates, zones, disks, locks, versions, and its clock."""

from pathlib import Path

import pytest
import trustme

from datafetch import __version__
from datafetch.clock import ClockSkew
from datafetch.doctor.findings import Form
from datafetch.doctor.machine import CertificatesCheck, DiskCheck, RuntimeCheck, ZonesCheck
from datafetch.doctor.shared_state import clock_finding
from datafetch.doctor.versions import VersionsCheck
from datafetch.runtime.folder import RuntimeFolder
from tests.support import START, unprivileged, unprivileged_folder

GIB = 1024**3


def test_versions_are_told():
    """What a report of a bug needs."""
    first, libraries = VersionsCheck().look()
    assert first.detail.startswith(f"datafetch {__version__}, Python 3.")
    assert "boto3 " in libraries.detail
    assert "unknown" not in libraries.detail


def test_certificates_are_counted(monkeypatch, tmp_path):
    """Which file, and how many: a company's own is a few, the system's a hundred."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    (found,) = CertificatesCheck().look()
    assert (found.status, found.detail) == (
        "ok",
        f"trusted authorities: 1, from SSL_CERT_FILE ({path})",
    )


def test_a_wrong_file_of_certificates_fails(monkeypatch, tmp_path):
    """The variable and the file are named."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    (found,) = CertificatesCheck().look()
    assert found.status == "fail"
    assert "SSL_CERT_FILE: there is no file" in found.detail


def test_zones_tell_where_they_come_from(tmp_path):
    """Slim images have none, and use the package."""
    (found,) = ZonesCheck((str(tmp_path),)).look()
    assert found.detail == "America/Los_Angeles is loaded from the package tzdata"
    (tmp_path / "America").mkdir()
    (tmp_path / "America/Los_Angeles").write_bytes(b"TZif")
    (found,) = ZonesCheck((str(tmp_path),)).look()
    assert found.detail == f"America/Los_Angeles is loaded from the system ({tmp_path})"


@pytest.mark.parametrize(
    ("free", "status", "said"),
    [
        (5 * GIB, "ok", "5.0 GiB in"),
        (GIB // 2, "warn", "only 512 MiB in"),
        (GIB // 20, "fail", "only 51 MiB in"),
        (0, "fail", "only 0 bytes in"),
    ],
)
def test_room_on_disks_is_judged(tmp_path, free, status, said):
    """A full disk ends runs in the middle; a folder that is to come is judged by what is above it."""
    asked: list[Path] = []

    def tell(path: Path) -> int:
        asked.append(path)
        return int(free)

    (found,) = DiskCheck((("store", tmp_path / "a/b"),), tell).look()
    assert (found.status, found.detail) == (status, f"{said} {tmp_path}/a/b")
    assert asked == [tmp_path]


def test_a_folder_that_may_not_be_seen_is_judged_by_what_is_above_it():
    """No permission is no reason to end in an unexpected error."""
    with unprivileged_folder() as closed:
        closed.chmod(0o000)
        with unprivileged():
            (found,) = DiskCheck((("store", closed / "store"),), lambda _: GIB * 5).look()
    assert (found.status, found.detail) == ("ok", f"5.0 GiB in {closed}/store")


def test_a_disk_that_does_not_tell_is_warned_of(tmp_path):
    """Some file systems of networks have no figures."""

    def refuse(_path: Path) -> int:
        raise OSError(38, "Function not implemented")

    (found,) = DiskCheck((("temporary", tmp_path),), refuse).look()
    assert found.status == "warn"


def test_locks_of_this_machine_can_be_held(tmp_path):
    """A folder of one's own, in which nothing is left."""
    folder = RuntimeFolder(tmp_path / "run")
    (found,) = RuntimeCheck(folder).look()
    assert (found.status, str(folder.path()) in found.detail) == ("ok", True)
    assert list(folder.path().iterdir()) == []


def test_a_folder_for_locks_that_others_may_enter_fails(tmp_path):
    """Its error says what to type."""
    folder = RuntimeFolder(tmp_path)
    folder.path().chmod(0o777)
    (found,) = RuntimeCheck(folder).look()
    assert found.status == "fail"
    assert "chmod 700" in found.detail


def test_the_clock_is_judged_by_others():
    """The store is believed; nobody asked is nothing told."""
    skew = ClockSkew()
    assert clock_finding(skew).form is Form.SKIPPED
    skew.observe("s3.example.com", START, START + 3600, "store")
    assert clock_finding(skew).status == "fail"
    assert "60 min ahead of s3.example.com" in clock_finding(skew).detail
    skew.observe("other.example.com", START, START + 2, "other")
    assert clock_finding(skew).status == "ok"
