"""Where the bookmark server's API is, and which addresses the settings make trusted."""

import pytest

from datafetch.models.places import api_base, origins


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://k.example.com", "https://k.example.com/api/v1"),
        ("https://k.example.com/", "https://k.example.com/api/v1"),
        ("https://k.example.com/sub", "https://k.example.com/sub/api/v1"),
        ("https://k.example.com/api", "https://k.example.com/api/v1"),
        ("https://k.example.com/sub/api/", "https://k.example.com/sub/api/v1"),
        ("https://k.example.com/api/v1", "https://k.example.com/api/v1"),
        ("https://k.example.com/api/v2", "https://k.example.com/api/v2"),
        ("https://k.example.com/myapi", "https://k.example.com/myapi/api/v1"),
    ],
)
def test_the_api_path_is_added_once(url, base):
    """A base that ends in `/api` asked `/api/lists/…`: what is missing of `/api/v1` is added."""
    assert api_base(url) == base


def test_origins_have_scheme_host_and_port():
    """Trust is by exact scheme, host and port."""
    assert origins("https://K.example.com/api", "http://10.0.0.1:3000", None) == {
        ("https", "k.example.com", 443),
        ("http", "10.0.0.1", 3000),
    }
