"""What stores and their libraries answer, told in one line that shows no key and no token.

Messages of the libraries are never shown: those of some hold signed addresses. What is shown is the
store's code, such as `NoSuchBucket`, or the kind of the error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagine_common.errors import ImagineError
from imagine_common.files.urls import bucket_of
from imagine_common.text import show

_LIBRARIES = (
    *("adlfs", "aiobotocore", "aiohttp", "asyncio", "azure", "botocore", "fsspec", "gcsfs"),
    *("google", "requests", "s3fs", "urllib3"),
)
_CREDENTIALS = "check the environment or the profile that they come from"
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
# What is said, by the codes and kinds of errors that say it.
_REASONS = {
    " ".join(_NO_BUCKET): "no such bucket; it has to be created first",
    "NoSuchKey 404 BlobNotFound FileNotFoundError": "no such object",
    "AccessDenied AllAccessDisabled 403 AuthorizationFailure Forbidden PermissionError": (
        f"access denied; {_CREDENTIALS}, and what they are allowed to do"
    ),
    "InvalidAccessKeyId SignatureDoesNotMatch AuthorizationHeaderMalformed InvalidToken"
    " InvalidClientTokenId AuthenticationFailed AuthFailure 401": (
        f"the store does not take the credentials; {_CREDENTIALS}"
    ),
    "ExpiredToken ExpiredTokenException TokenRefreshRequired": (
        f"the credentials have expired; {_CREDENTIALS}"
    ),
    "NoCredentialsError PartialCredentialsError DefaultCredentialsError": (
        f"no credentials; {_CREDENTIALS}, or ask for access without any (FSSPEC_S3_ANON=true)"
    ),
    "ProfileNotFound": "there is no such profile as AWS_PROFILE names",
    "SlowDown ServiceUnavailable InternalError ServerBusy OperationAborted RequestTimeout 429 500"
    " 502 503 504": (
        "the store fails or is overloaded, also when asked again; try later, or fewer --workers"
    ),
    "EndpointConnectionError ConnectTimeoutError ClientConnectorError ClientConnectorDNSError"
    " ServiceRequestError ConnectionRefusedError": (
        "the store can't be reached; check the network and the endpoint"
    ),
    "ReadTimeoutError FSTimeoutError TimeoutError CancelledError": (
        "the store does not answer in time"
    ),
    "ConnectionClosedError ResponseStreamingError IncompleteReadError HTTPClientError"
    " ClientPayloadError ServerDisconnectedError ClientOSError ConnectionResetError": (
        "the connection to the store broke, also when made again"
    ),
    "ParamValidationError InvalidBucketName": "no valid name of a bucket or an object",
    "EntityTooLarge": "too large for an object",
    "InvalidRange": "it became shorter while being read",
}
_KNOWN = {name: reason for names, reason in _REASONS.items() for name in names.split()}


@contextmanager
def errors_named(url: bytes) -> Iterator[None]:
    """Raise what goes wrong with an object, in the block, as an error that names it, or its bucket.

    Raises
    ------
    ImagineError
    """
    try:
        yield
    except ImagineError:
        raise
    except Exception as error:
        if not _is_stores(error):
            raise
        if _has_no_bucket(error):
            url = bucket_of(url)
        # The libraries' own messages and tracebacks are left out, also with --verbose.
        raise ImagineError(f"{show(url)}: {_reason(error)}") from None


def is_missing(error: Exception) -> bool:
    """Tell whether an error says that an object, but not its bucket, is not there."""
    return isinstance(error, FileNotFoundError) and not _has_no_bucket(error)


def _has_no_bucket(error: Exception) -> bool:
    return bool(set(_names(error)) & _NO_BUCKET)


def _is_stores(error: BaseException) -> bool:
    return isinstance(error, OSError) or any(
        kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__
    )


def _reason(error: BaseException) -> str:
    names = _names(error)
    known = next((name for name in names if name in _KNOWN), None)
    if known is not None:
        return f"{_KNOWN[known]} ({known})"
    return f"the store answers {names[0]}"


def _names(error: BaseException) -> list[str]:
    """Return the store's codes for an error, or its kinds: the most telling first."""
    codes: list[str] = []
    kinds: list[str] = []
    chain: BaseException | None = error
    while chain is not None and len(kinds) < 20:
        codes += _codes(chain)
        kinds += [kind.__name__ for kind in type(chain).__mro__ if kind.__module__ != "builtins"]
        if isinstance(chain, OSError):
            kinds.append(type(chain).__name__)
        chain = chain.__cause__ or chain.__context__
    return codes + kinds


def _codes(error: BaseException) -> list[str]:
    response = getattr(error, "response", None)
    found = [getattr(error, name, None) for name in ("error_code", "status_code", "code")]
    if isinstance(response, dict):
        found.append(response.get("Error", {}).get("Code"))
        found.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    return [str(code) for code in found if isinstance(code, (str, int)) and code]
