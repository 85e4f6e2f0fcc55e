"""Whether the libraries of the extra `distributed` are installed."""

from datafetch.errors import ConfigurationError

_HINT = "Install them with: pip install 'datafetch[distributed]'"


def need_distributed() -> str:
    """Check that the libraries are installed; return the version of Dask's distributed.

    Raises:
        ConfigurationError: a library is not installed.
    """
    try:
        import cryptography  # noqa: F401 - `engine_seal.py` and `Security.temporary` need it
        import distributed
    except ModuleNotFoundError as error:
        if error.name not in ("distributed", "dask", "tornado", "cryptography"):
            raise
        raise ConfigurationError(
            [f"DATAFETCH_CLUSTER needs the library {error.name}, which is not installed"],
            hint=_HINT,
        ) from error
    return str(distributed.__version__)
