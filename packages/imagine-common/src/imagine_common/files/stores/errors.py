"""Errors of stores and their libraries, as messages of one line without keys and tokens.

Messages of the libraries are never shown, as some contain signed URLs. Ours have the store's code,
such as `NoSuchBucket`, or the class of the error.
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
# Messages, by the codes and classes of errors.
_REASONS = {
    " ".join(_NO_BUCKET): "no such bucket; create it first",
    "NoSuchKey 404 BlobNotFound FileNotFoundError": "no such object",
    "AccessDenied AllAccessDisabled 403 AuthorizationFailure Forbidden PermissionError": (
        f"access denied; {_CREDENTIALS}, and their permissions"
    ),
    "InvalidAccessKeyId SignatureDoesNotMatch AuthorizationHeaderMalformed InvalidToken"
    " InvalidClientTokenId AuthenticationFailed AuthFailure 401": (
        f"the store rejects the credentials; {_CREDENTIALS}"
    ),
    "ExpiredToken ExpiredTokenException TokenRefreshRequired": (
        f"the credentials have expired; {_CREDENTIALS}"
    ),
    "NoCredentialsError PartialCredentialsError DefaultCredentialsError": (
        f"no credentials; {_CREDENTIALS}, or use none (FSSPEC_S3_ANON=true)"
    ),
    "ProfileNotFound": "the profile in AWS_PROFILE does not exist",
    "SlowDown ServiceUnavailable InternalError ServerBusy OperationAborted RequestTimeout 429 500"
    " 502 503 504": (
        "the store fails or is overloaded, also after retries; try later, or fewer --workers"
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
        "the connection to the store broke, also after retries"
    ),
    "ParamValidationError InvalidBucketName": "the name of the bucket or object is not valid",
    "EntityTooLarge": "too large for an object",
    "InvalidRange": "it became shorter while being read",
}
_KNOWN = {name: reason for names, reason in _REASONS.items() for name in names.split()}


@contextmanager
def errors_named(url: bytes, missing_ok: bool = False) -> Iterator[None]:
    """Turn a store's errors in a `with` block into `ImagineError`s that name its object.

    With `missing_ok`, an object that does not exist, in a bucket that does, is not an error.
    """
    try:
        yield
    except ImagineError:
        raise
    except Exception as error:
        names = _names(error)
        no_bucket = not _NO_BUCKET.isdisjoint(names)
        if missing_ok and isinstance(error, FileNotFoundError) and not no_bucket:
            return
        modules = {cls.__module__.partition(".")[0] for cls in type(error).__mro__}
        if not isinstance(error, OSError) and modules.isdisjoint(_LIBRARIES):
            raise
        known = next((name for name in names if name in _KNOWN), None)
        reason = f"{_KNOWN[known]} ({known})" if known else f"the store answers {names[0]}"
        # `from None` hides the library's message, also with --verbose.
        raise ImagineError(f"{show(bucket_of(url) if no_bucket else url)}: {reason}") from None


def _names(error: BaseException) -> list[str]:
    """Return the store's codes of an error, then the names of its classes, most specific first."""
    codes: list[str] = []
    classes: list[str] = []
    chain: BaseException | None = error
    while chain is not None and len(classes) < 20:
        codes += _codes(chain)
        classes += [cls.__name__ for cls in type(chain).__mro__ if cls.__module__ != "builtins"]
        if isinstance(chain, OSError):
            classes.append(type(chain).__name__)
        chain = chain.__cause__ or chain.__context__
    return codes + classes


def _codes(error: BaseException) -> list[str]:
    response = getattr(error, "response", None)
    found = [getattr(error, name, None) for name in ("error_code", "status_code", "code")]
    if isinstance(response, dict):
        found.append(response.get("Error", {}).get("Code"))
        found.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    return [str(code) for code in found if isinstance(code, (str, int)) and code]
