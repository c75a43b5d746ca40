"""Errors of stores, as messages of one line without keys and tokens.

Messages of obstore are never shown, as some contain signed URLs. Ours have the store's code, such
as `NoSuchBucket`, or the status of its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from imagine_common.errors import ImagineError
from imagine_common.files.urls import bucket_of
from imagine_common.text import show

_CREDENTIALS = "check the environment or the profile that they come from"
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
# Messages, by codes and words in the library's messages, the most specific ones first.
_REASONS = {
    "NoSuchBucket ContainerNotFound": "no such bucket; create it first",
    "api/token computeMetadata metadata/identity MissingAccessKeyId MissingSecretAccessKey"
    " MissingAccount": f"no credentials; {_CREDENTIALS}, or use none (AWS_SKIP_SIGNATURE=true)",
    "ExpiredToken ExpiredTokenException TokenRefreshRequired": (
        f"the credentials have expired; {_CREDENTIALS}"
    ),
    "InvalidAccessKeyId SignatureDoesNotMatch InvalidToken"
    " InvalidClientTokenId AuthenticationFailed AuthFailure 401": (
        f"the store rejects the credentials; {_CREDENTIALS}"
    ),
    "AccessDenied AllAccessDisabled AuthorizationFailure 403": (
        f"access denied; {_CREDENTIALS}, and their permissions"
    ),
    "NoSuchKey BlobNotFound 404": "no such object",
    "BareRedirect PermanentRedirect AuthorizationHeaderMalformed 301": (
        "the bucket is in another region; set AWS_REGION"
    ),
    "SlowDown ServiceUnavailable InternalError ServerBusy OperationAborted RequestTimeout 429 500"
    " 502 503 504": (
        "the store fails or is overloaded, also after retries; try later, or fewer --workers"
    ),
    "Connect": "the store can't be reached; check the network and the endpoint",
    "Timeout": "the store does not answer in time",
    "Interrupted Decode Request": "the connection to the store broke, also after retries",
    "BadSegment EmptySegment": (
        "it has names with control characters, '.', '..' or nothing between slashes, which are not"
        " supported; a manifest can name the others"
    ),
    "InvalidBucketName": "the name of the bucket or object is not valid",
    "EntityTooLarge": "too large for an object",
    "InvalidRange 416": "it became shorter while being read",
}
_KNOWN = {name: reason for names, reason in _REASONS.items() for name in names.split()}
_WORDS = re.compile(
    r"<Code>(\w+)</Code>|\bstatus: (\d{3})|\bkind: (\w+)|\b(?:source|inner): (\w+)"
    r"|(api/token|computeMetadata|metadata/identity)"
)


@contextmanager
def errors_named(url: bytes, missing_ok: bool = False) -> Iterator[None]:
    """Turn a store's errors in a `with` block into `ImagineError`s that name its object.

    With `missing_ok`, an object that does not exist, in a bucket that does, is not an error.
    """
    try:
        yield
    except Exception as error:
        from obstore.exceptions import BaseError

        if not isinstance(error, (BaseError, OSError)):
            raise
        words = [word for found in _WORDS.findall(str(error)) for word in found if word]
        no_bucket = not _NO_BUCKET.isdisjoint(words)
        if missing_ok and isinstance(error, FileNotFoundError) and not no_bucket:
            return
        known = next((name for name in _KNOWN if name in words), None)
        reason = f"{_KNOWN[known]} ({known})" if known else f"the store answers {words[0]}"
        # `from None` hides the library's message, also with --verbose.
        raise ImagineError(f"{show(bucket_of(url) if no_bucket else url)}: {reason}") from None
