"""An S3 server on loopback, and a proxy before it that makes what can go wrong go wrong."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config

from support import PATIENCE

KEY, SECRET = "AKIAKEYTHATISNONE", "secret+that/is+none"
HOST = "127.0.0.1"

_PART = re.compile(r"[?&](partNumber=|comp=block&)")
_LIST = re.compile(r"[?&](list-type=2|comp=list)")


def environment(endpoint: str) -> dict[str, str]:
    """Return the variables by which a tool finds a server, and nothing else of this host's."""
    assert urlsplit(endpoint).hostname == HOST
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
    }


class Bucket:
    """A bucket, seen without any of the tools' code."""

    can_abort = True

    def __init__(self, endpoint: str, name: str, scheme: str = "s3") -> None:
        self.name = name
        self.url = f"{scheme}://{name}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 1}),
        )

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return data

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return the size of each object."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        )
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def contents(self, prefix: str = "") -> dict[str, bytes]:
        """Return each object, by its key after the prefix."""
        return {key[len(prefix) :]: self.get(key) for key in self.sizes(prefix)}

    def publish(self) -> None:
        """Let requests without credentials read: here, all can."""

    def uploads(self) -> list[str]:
        """Return the keys of multipart uploads that have neither been completed nor aborted."""
        found = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", ())
        return [upload["Key"] for upload in found]


@contextmanager
def moto() -> Iterator[str]:
    """Run moto's server as a process of its own, and give its address."""
    # Port 0: it takes a free one, and says which.
    command = [sys.executable, "-u", "-m", "moto.server", "-H", HOST, "-p", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        address = next(
            word for line in process.stderr for word in line.split() if word.startswith("http://")
        )
        # Nobody reads what it says of each request; the pipe must not fill up.
        reader = threading.Thread(target=process.stderr.read, daemon=True)
        reader.start()
        assert urlsplit(address).hostname == HOST
        yield address
        process.terminate()
        reader.join()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


class Request:
    """A request on its way through the proxy."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.method = handler.command
        self.path = handler.path
        self.name = unquote(self.path.partition("?")[0])
        self.is_part = self.method == "PUT" and bool(
            re.search("partNumber=|comp=block&", self.path)
        )
        self.is_list = self.method == "GET" and bool(re.search("list-type=2|comp=list", self.path))


class Proxy:
    """Forwards requests. An optional `plan` gets each request and may change the answer.

    It returns None to forward the request, a number to answer with that status, `CUT` to forward
    half of the server's answer and close the connection, or `DROP` to close it at once. Lists get
    at most `page` entries from the server, if that is set.
    """

    CUT, DROP = -1, -2

    def __init__(self, server: str) -> None:
        self.plan: Callable[[Request], int | None] = lambda _: None
        self.requests: list[Request] = []
        self.answered = self.most_at_once = 0
        self.page = 0
        self._server = urlsplit(server).netloc
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(ConnectionError):
                    super().handle()

            def handle_any(self) -> None:
                proxy._handle(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # Of five, more are asked again only after seconds.

        self._http = Server((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._http.server_port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def fail(self, count: int, status: int, which: Callable[[Request], bool]) -> None:
        """Answer the first of certain requests with a status."""
        left = iter(range(count))
        self.plan = lambda request: (
            status if which(request) and next(left, None) is not None else None
        )

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        request = Request(handler)
        body = _read_body(handler)
        with self._lock:
            self.requests.append(request)
            self.most_at_once = max(self.most_at_once, len(self.requests) - self.answered)
        try:
            self._hand_on(handler, request, body)
        finally:
            with self._lock:
                self.answered += 1

    def _hand_on(self, handler: BaseHTTPRequestHandler, request: Request, body: bytes) -> None:
        outcome = self.plan(request)
        if outcome == self.DROP:
            handler.close_connection = True
            return
        if outcome is not None and outcome != self.CUT:
            code = {403: "AccessDenied", 503: "SlowDown"}.get(outcome, "InternalError")
            answer = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
            _answer(handler, outcome, [("Content-Type", "application/xml")], answer)
            return
        server = http.client.HTTPConnection(self._server, timeout=PATIENCE)
        headers = {
            name: value
            for name, value in handler.headers.items()
            if name.lower() not in ("transfer-encoding", "expect", "content-length")
        }
        path = request.path
        if self.page and request.is_list:
            path += f"&{'maxresults' if 'comp=list' in path else 'max-keys'}={self.page}"
        server.request(request.method, path, body, headers)
        answered = server.getresponse()
        data = answered.read()
        kept = [
            (name, value)
            for name, value in answered.getheaders()
            if name.lower() not in ("transfer-encoding", "connection", "content-length")
        ]
        if request.method == "HEAD":
            kept.append(("Content-Length", answered.getheader("Content-Length", "0")))
        server.close()
        if outcome == self.CUT:
            _answer(handler, answered.status, kept, data, len(data) // 2)
            handler.close_connection = True
        else:
            _answer(handler, answered.status, kept, data)


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    """Return a request's body; of one that ends within, as a killed client's does, nothing goes on.

    Raises
    ------
    ConnectionError
    """
    if "chunked" in handler.headers.get("Transfer-Encoding", ""):
        parts = []
        while size := int(handler.rfile.readline().split(b";")[0] or b"-1", 16):
            parts.append(_read_exactly(handler, size))
            handler.rfile.readline()
        handler.rfile.readline()
        return b"".join(parts)
    return _read_exactly(handler, int(handler.headers.get("Content-Length", 0)))


def _read_exactly(handler: BaseHTTPRequestHandler, size: int) -> bytes:
    data = handler.rfile.read(size)
    if size != len(data):
        raise ConnectionError
    return data


def _answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    data: bytes,
    sent: int | None = None,
) -> None:
    with suppress(ConnectionError):
        handler.send_response_only(status)
        for name, value in headers:
            handler.send_header(name, value)
        if handler.command != "HEAD":
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data[:sent])
            handler.wfile.flush()


def wait_until_quiet(proxy: Proxy, seconds: float = 0.5) -> None:
    """Wait until all requests have been answered, and no further one has come for a while."""
    seen = -1
    while seen != len(proxy.requests) or proxy.answered < seen:
        seen = len(proxy.requests)
        time.sleep(seconds)
