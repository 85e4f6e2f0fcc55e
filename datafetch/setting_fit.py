"""Finds settings that do not fit together, whichever job runs."""

from collections.abc import Iterator

from datafetch.models.places import Environment
from datafetch.models.setting_problems import Missing
from datafetch.models.store_place import AMAZON, BucketPlace, FolderPlace, WebPlace, fits_host
from datafetch.settings import ENV_NAMES, Settings


def misfits(settings: Settings) -> Iterator[str]:
    """A sentence for each problem of settings that are valid by themselves, but not together."""
    yield from _of_the_store(settings)
    yield from _of_shares(settings)
    try:
        _ = settings.cluster_place
    except ValueError as error:
        yield f"DATAFETCH_CLUSTER: {error}"
    if settings.test_limit is not None and settings.env is Environment.PRODUCTION:
        yield "S3_TEST_LIMIT is refused in production, where it would cut the dataset: unset it"


def _of_the_store(settings: Settings) -> Iterator[str]:
    place = settings.place
    if not isinstance(place, FolderPlace) and settings.environment is None:
        kind = "a store on the web" if isinstance(place, WebPlace) else "an S3 store"
        needs = f"{kind} needs production, development or test"
        yield Missing(ENV_NAMES["environment"], needs)
    if (
        settings.s3_addressing == "virtual"
        and isinstance(place, BucketPlace)
        and not fits_host(place.bucket, settings.s3_server_url or AMAZON)
    ):
        yield (
            "S3_ADDRESSING: the bucket's name cannot stand in front of the server's host; set path"
        )
    keys = {"S3_ACCESS_KEY_ID": settings.s3_access_key_id}
    keys["S3_SECRET_ACCESS_KEY"] = settings.s3_secret_access_key
    without = [name for name, value in keys.items() if value is None]
    if len(without) == 1:
        (other,) = keys.keys() - without
        yield Missing((without[0],), f"{other} is set; set both or none of them")


def _of_shares(settings: Settings) -> Iterator[str]:
    """What is wrong with the number of shares and the index of this one."""
    if settings.shards is None:
        return
    indexes = {"JOB_COMPLETION_INDEX": settings.completion_index}
    indexes["AWS_BATCH_JOB_ARRAY_INDEX"] = settings.array_index
    known = {name: index for name, index in indexes.items() if index is not None}
    for name, index in known.items():
        if index >= settings.shards:
            yield (
                f"{name}: {index} is no index of DATAFETCH_SHARDS={settings.shards} shares: it "
                f"counts from 0 to {settings.shards - 1}; set DATAFETCH_SHARDS to the number of "
                "pods or of the array's children"
            )
    if len(set(known.values())) > 1:
        yield (
            f"{' and '.join(known)} say that this is a different share each: unset the one "
            "that does not count"
        )
