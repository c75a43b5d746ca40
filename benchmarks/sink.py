"""An S3 server on loopback that costs next to nothing: it answers at once and keeps nothing.

    python benchmarks/sink.py

It prints its address. The kernel discards the bodies of uploads, so no byte of them is copied, and
what is measured is the client.
"""

from __future__ import annotations

import re
import selectors
import socket
from mmap import mmap

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_HEAD = b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: '
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CREATED = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = b"<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>"
_LISTED = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
_RECEIVE_BYTES = 1 << 22
_HEADER_BYTES = 1 << 14

# Never written: with MSG_TRUNC the kernel only counts the bytes that it drops.
_nowhere = mmap(-1, _RECEIVE_BYTES)


class Connection:
    """A kept connection; requests come one after the other."""

    def __init__(self, client: socket.socket) -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = client
        self._header = b""
        self._left = 0
        self._answer = b""

    def receive(self) -> bool:
        """Take what has arrived, and answer; return whether the connection is still open."""
        try:
            while self._left:
                dropped = self.client.recv_into(
                    _nowhere, min(self._left, _RECEIVE_BYTES), socket.MSG_TRUNC
                )
                if not dropped:
                    return False
                self._left -= dropped
                if not self._left:
                    self.client.sendall(self._answer)
            data = self.client.recv(_HEADER_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._header += data
        begin, end, rest = self._header.partition(b"\r\n\r\n")
        if end:
            self._header = b""
            self._begin(begin, len(rest))
        return bool(data)

    def _begin(self, header: bytes, received: int) -> None:
        line = header.partition(b"\r\n")[0]
        found = _LENGTH.search(header)
        self._left = int(found[1]) - received if found else 0
        body = b""
        if line.startswith(b"POST"):
            body = _CREATED if b"?uploads" in line else _COMPLETED
        elif b"list-type" in line:
            body = _LISTED
        if line.startswith(b"HEAD"):
            self._answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        else:
            self._answer = b"%s%d\r\n\r\n%s" % (_HEAD, len(body), body)
        if not self._left:
            self.client.sendall(self._answer)
        elif b"100-continue" in header:
            self.client.sendall(_CONTINUE)


def main() -> None:
    """Answer until the process is ended."""
    selector = selectors.DefaultSelector()
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    server.bind(("127.0.0.1", 0))
    server.listen(512)
    selector.register(server, selectors.EVENT_READ)
    print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                connection = Connection(server.accept()[0])
                selector.register(connection.client, selectors.EVENT_READ, connection)
            elif not key.data.receive():
                selector.unregister(key.data.client)
                key.data.client.close()


if __name__ == "__main__":
    main()
