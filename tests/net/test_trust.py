"""The trusted certificates: what is wrong with the variables is said with the file's name."""

from pathlib import Path

import pytest
import trustme

from datafetch.errors import ConfigurationError, ExitCode
from datafetch.net.trust import trusted_certificates


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.pem", None, "there is no file {path}"),
        ("empty.pem", "", "{path} is empty"),
        ("text.pem", "no certificate", "{path} holds no certificates (PEM)"),
    ],
)
def test_a_file_without_certificates_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None, said: str
) -> None:
    """A mistyped SSL_CERT_FILE made every server look like an impostor, or ended in words of OpenSSL."""
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError) as caught:
        trusted_certificates()
    assert str(caught.value).startswith(f"SSL_CERT_FILE: {said.format(path=path)}")
    assert caught.value.exit_code == ExitCode(78)


def test_a_folder_in_the_files_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable for a file was given a folder."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path))
    with pytest.raises(ConfigurationError, match=f"SSL_CERT_FILE: {tmp_path} is a folder"):
        trusted_certificates()


def test_a_folder_without_certificates_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL finds certificates by the hash in their names; the command that makes those is told."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for folder, said in ((tmp_path, f"openssl rehash {tmp_path}"), (tmp_path / "x", "No such")):
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
        with pytest.raises(ConfigurationError, match=f"^SSL_CERT_DIR: {folder}.*{said}"):
            trusted_certificates()
    authority.cert_pem.write_to_path(str(tmp_path / "0a1b2c3d.0"))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'x'}:{tmp_path}")
    trusted_certificates()


def test_a_file_with_certificates_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private authority in SSL_CERT_FILE is trusted."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert trusted_certificates().cert_store_stats()["x509_ca"] == 1
