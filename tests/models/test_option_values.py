"""The options of a run, sent to another process."""

import json

from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.option_values import options_value, read_options
from datafetch.models.run import RunOptions
from datafetch.models.shard import Shard

_SHARDS = st.integers(1, 10_000).flatmap(
    lambda count: st.builds(Shard, st.integers(1, count), st.just(count))
)
_AGES = st.none() | st.floats(0, 1e9)
_OPTIONS = st.builds(
    RunOptions,
    force=st.booleans(),
    dry_run=st.booleans(),
    limit=st.none() | st.integers(1),
    allow_shrink=st.booleans(),
    only=st.lists(st.text(), max_size=3).map(tuple),
    missing=st.booleans(),
    older_than_s=_AGES,
    restore=st.none() | st.integers(1),
    wait_s=st.floats(0, 1e6),
    scheduled=st.booleans(),
    full=st.booleans(),
    shard=st.none() | _SHARDS,
)


@given(_OPTIONS)
def test_options_arrive_as_they_were_sent(options: RunOptions) -> None:
    """Every option is the same on the other side of JSON."""
    assert read_options(json.loads(json.dumps(options_value(options)))) == options
