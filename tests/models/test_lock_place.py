"""Reads where locks live."""

import pytest
from pydantic import SecretStr

from datafetch.models.lock_place import LockPlace, RedisPlace, TablePlace, read_lock

GOOD: dict[str, LockPlace] = {
    "store": "store",
    "file": "file",
    "redis://cache": RedisPlace("cache", 6379, 0),
    "redis://cache/": RedisPlace("cache", 6379, 0),
    "rediss://cache.example.com:6380/3": RedisPlace("cache.example.com", 6380, 3, tls=True),
    "redis://my_cache:6379": RedisPlace("my_cache", 6379, 0),
    "redis://10.0.0.7/15": RedisPlace("10.0.0.7", 6379, 15),
    "redis://[fd00::7]:7000": RedisPlace("fd00::7", 7000, 0),
    "redis://[::1]": RedisPlace("::1", 6379, 0),
    "redis://:s%40cret%2F1@cache": RedisPlace("cache", password=SecretStr("s@cret/1")),
    "redis://me:a:b@c@cache": RedisPlace("cache", user="me", password=SecretStr("a:b@c")),
    "redis://me:@cache": RedisPlace("cache", user="me"),
    "dynamodb://locks": TablePlace("locks"),
    "dynamodb://My_locks.of-site": TablePlace("My_locks.of-site"),
    "dynamodb://locks/my.site_1": TablePlace("locks", "my.site_1"),
}

BAD = {
    "redis": "names no host",
    "redis://": "names no host",
    "redis://:6379": "names no host",
    "redis://me:hush@": "names no host",
    "redis://hush@cache": ":PASSWORD@ before the host",
    "redis://:hu%sh@cache": "%25",
    "redis://:hu/sh@cache": "",
    "redis://:hu?sh@cache": "%3F",
    "redis://:hu#sh@cache": "%23",
    "redis://:hu sh@cache": "white space",
    "redis://:hush@cache/one": "number of a database",
    "redis://:hush@cache/0/1": "number of a database",
    "redis://:hush@cache/100000": "number of a database",
    "redis://:hush@cache:0": "port from 1 to 65535",
    "redis://:hush@cache:65536": "port from 1 to 65535",
    "redis://:hush@cache:six": "port from 1 to 65535",
    "redis://:hush@cache?db=1": "end before ? and #",
    "redis://:hush@a,b": "names no host",
    "unix:///run/redis.sock": "a socket in the file system",
    "redis+sentinel://:hush@a/mymaster": "no cluster and found without sentinels",
    "dynamodb://": "3 to 255 letters",
    "dynamodb://ab": "3 to 255 letters",
    "dynamodb://lo cks": "3 to 255 letters",
    "dynamodb://locks?region=eu-west-1": "3 to 255 letters",
    "dynamodb://arn:aws:dynamodb:eu-west-1:1:table/locks": "not its ARN",
    "dynamodb://locks/": "1 to 100 letters",
    "dynamodb://locks/a/b": "1 to 100 letters",
    "REDIS://cache": "should be store, file, dynamodb://TABLE or redis://",
    "redis:cache": "should be store, file, dynamodb://TABLE or redis://",
    "flock": "should be store, file, dynamodb://TABLE or redis://",
}


@pytest.mark.parametrize(("text", "place"), GOOD.items())
def test_a_place_for_locks_is_read(text: str, place: LockPlace) -> None:
    """Port, number, user and password may be missing; escapes in them are resolved."""
    assert read_lock(text) == place


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_what_names_no_place_is_told_without_repeating_it(text: str, said: str) -> None:
    """The sentence says what to write, in one line, and shows nothing of a password."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_lock(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200
    assert "hu" not in str(caught.value).replace("such", "")


def test_an_address_is_shown_without_its_login() -> None:
    """Messages name the server; they show neither user nor password, nor does the value itself."""
    place = read_lock("rediss://me:hush@[fd00::7]/2")
    assert isinstance(place, RedisPlace)
    assert place.address == "rediss://[fd00::7]:6379/2"
    assert "hush" not in repr(place) + str(place)
