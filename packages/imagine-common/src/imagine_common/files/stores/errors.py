"""Errors of stores, as messages of one line without keys and tokens.

Messages of obstore are never shown, as some contain signed URLs. Ours have the store's code, such
as `NoSuchBucket`, or the status of its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from imagine_common.errors import ImagineError
from imagine_common.files.reading import hint_at_name
from imagine_common.files.urls import bucket_of
from imagine_common.text import show

_CREDENTIALS = "check the environment or the profile that they come from"
_NO_BUCKET = "NoSuchBucket|ContainerNotFound"
# Messages, by codes and words in the library's messages; the first that fits counts.
_REASONS = {
    _NO_BUCKET: "no such bucket; create it first",
    "api/token|meta|computeMeta|Missing(AccessKeyId|SecretAccessKey|Account)": (
        f"no credentials; {_CREDENTIALS}, or use none (AWS_, GOOGLE_ or AZURE_SKIP_SIGNATURE=true)"
    ),
    "ExpiredToken|TokenRefreshRequired": f"the credentials have expired; {_CREDENTIALS}",
    "InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|Authentication|AuthFailure|401": (
        f"the store rejects the credentials; {_CREDENTIALS}"
    ),
    "AccessDenied|AllAccessDisabled|AuthorizationFailure|403": (
        f"access denied; {_CREDENTIALS}, and their permissions"
    ),
    "BareRedirect|PermanentRedirect|AuthorizationHeaderMalformed|301": (
        "the bucket is in another region; set AWS_REGION"
    ),
    "NoSuchKey|BlobNotFound|404": "no such object",
    "InvalidRange|416": "it became shorter while being read",
    "SlowDown|ServerBusy|429|5": (
        "the store fails or is overloaded, also after retries; try later, or fewer --workers"
    ),
    "BadSegment|EmptySegment|Could not parse path": (
        "names with control characters, '.', '..' or nothing between slashes are not supported"
    ),
    "InvalidCertificate": (
        "the store's TLS certificate is not trusted; SSL_CERT_FILE names a file of certificates"
    ),
    "Connect": "the store can't be reached; check the network and the endpoint",
    "Timeout": "the store does not answer in time",
    "Interrupted|Decode|Request": "the connection to the store broke, also after retries",
}
_WORDS = re.compile(
    r"<Code>(\w+)</Code>|\bstatus: (\d{3})|\b(?:kind|source|inner): (\w+)|(Could not parse path)"
    r"|(InvalidCertificate|api/token|meta-data|computeMetadata|metadata/identity)"
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

        if not isinstance(error, (BaseError, OSError, ValueError)):
            raise
        words = [match[match.lastindex or 0] for match in _WORDS.finditer(str(error))]
        known = ((w, reason) for p, reason in _REASONS.items() for w in words if re.match(p, w))
        word, reason = next(known, (words[0] if words else "an error", "the store answers"))
        if re.match(_NO_BUCKET, word):
            url = bucket_of(url)
        elif missing_ok and isinstance(error, FileNotFoundError):
            return
        # `from None` hides the library's message, also with --verbose.
        raise ImagineError(f"{show(url)}: {reason} ({word}){hint_at_name(url)}") from None
