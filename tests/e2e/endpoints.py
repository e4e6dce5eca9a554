"""Other ways to the store: over TLS with a certificate that changes, and by region."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Self

from tests.support.aws_faults import Fault
from tests.support.aws_front import StrictFront
from tests.support.aws_http import Reply, Request
from tests.support.kube_certs import CertificateAuthority, write_private

__all__ = ["RegionalFront", "TlsRelay", "hanging"]


def hanging(seconds: float) -> Fault:
    """Say nothing for long, then close: nothing is asked behind a front that may be closed."""

    def hang(_: object) -> Reply:
        time.sleep(seconds)
        return Reply(drop=True)

    return hang


class RegionalFront(StrictFront):
    """A strict front in which single regions are in trouble.

    Attributes:
        troubled: what happens to every call of a region.
        arrivals: how many calls of each region arrived.
    """

    def __init__(self, upstream_url: str) -> None:
        self.troubled: dict[str, Fault] = {}
        self.arrivals: dict[str, int] = {}
        super().__init__(upstream_url)

    def _handle(self, request: Request) -> Reply:
        found = re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.headers["authorization"])
        region = found[1] if found else ""
        self.arrivals[region] = self.arrivals.get(region, 0) + 1
        truth = super()._handle
        fault = self.troubled.get(region)
        return fault(lambda: truth(request)) if fault else truth(request)


class TlsRelay:
    """Terminates TLS before an HTTP server; its certificate is good until it is not.

    Args:
        url: of the server behind.
        folder: where keys and certificates go.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._behind = urllib.parse.urlsplit(url).netloc.rsplit(":", 1)
        authority = CertificateAuthority()
        self.ca = write_private(folder / "relay-ca.crt", authority.pem)
        self._good = _context(authority, folder / "good")
        self._bad = _context(CertificateAuthority(), folder / "bad")
        self.trusted = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=5)

    def present(self, *, trusted: bool) -> None:
        """Change the certificate; connections that are open are cut."""
        self.trusted = trusted
        self.cut()

    def cut(self) -> None:
        """Break every open connection."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._relay, args=(raw,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _relay(self, raw: socket.socket) -> None:
        trusted = self.trusted
        context = self._good if trusted else self._bad
        behind = (self._behind[0], int(self._behind[1]))
        with (
            contextlib.suppress(OSError),
            raw,
            context.wrap_socket(raw, server_side=True) as near,
            socket.create_connection(behind) as far,
        ):
            self._open |= {near, far}
            if trusted != self.trusted:
                return  # shaken hands on while the certificate changed: nobody has cut it
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join(timeout=5)
            self._open -= {near, far}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)
    for each in (source, sink):
        with contextlib.suppress(OSError, ValueError):
            each.shutdown(socket.SHUT_RDWR)


def _context(authority: CertificateAuthority, stem: Path) -> ssl.SSLContext:
    certificate, key = authority.issue_server(["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        write_private(stem.with_suffix(".crt"), certificate),
        write_private(stem.with_suffix(".key"), key),
    )
    return context
