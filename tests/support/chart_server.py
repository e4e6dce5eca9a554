"""Charts over HTTPS: a Helm repository and an OCI registry on one loopback server.

The registry speaks the distribution protocol as clients that fetch see it: tags in pages,
manifests, blobs that are on another path, and tokens where it is private.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Reply, Request, WebServer, json_reply

__all__ = ["ChartServer", "chart_archive", "chart_files", "chart_server"]

_CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PAGE = 2


def chart_files(name: str, version: str, **more: str) -> dict[str, str]:
    """Return the files of a chart with one ConfigMap that names itself and its value."""
    head = {"apiVersion": "v2", "name": name, "version": version}
    template = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"
        "data: {version: {{ .Chart.Version | quote }}, color: {{ .Values.color | quote }}}\n"
    )
    files = {"values.yaml": "color: blue\n", "templates/map.yaml": template, **more}
    files.setdefault("Chart.yaml", yaml.safe_dump(head))
    return files


def chart_archive(name: str, files: Mapping[str, str]) -> bytes:
    """Return a packed chart."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


@dataclass
class ChartServer:
    """Serves what was put into it.

    Args:
        login: `user:password` that is wanted; "" lets everybody in.
        etags: the index says how to compare it.
        paths: answered before anything else.
    """

    web: WebServer = field(init=False)
    login: str = ""
    etags: bool = True
    entries: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, Reply] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The Helm repository."""
        return f"{self.web.url}/charts"

    @property
    def registry(self) -> str:
        """The registry, as `repoURL` names it."""
        return f"127.0.0.1:{self.web.port}/team"

    def count(self, text: str) -> int:
        """Return how many requests had a path with this text."""
        return sum(text in request.path for request in self.web.requests)

    def publish(self, name: str, version: str, **more: str) -> bytes:
        """Put a version of a chart into the Helm repository."""
        archive = chart_archive(name, chart_files(name, version, **more))
        file = f"{name}-{version}.tgz"
        self.files[file] = archive
        entry = {"name": name, "version": version, "urls": [file], "apiVersion": "v2"}
        entry["digest"] = hashlib.sha256(archive).hexdigest()
        self.entries.setdefault(name, []).append(entry)
        return archive

    def push(self, name: str, version: str, **more: str) -> str:
        """Push a version of a chart to the registry; returns the manifest's digest."""
        archive = chart_archive(name, chart_files(name, version, **more))
        return self.push_layer(f"team/{name}", version.replace("+", "_"), archive, _CHART_LAYER)

    def push_layer(self, name: str, tag: str, layer: bytes, media_type: str) -> str:
        """Push one layer; returns the manifest's digest."""
        digests = [self._blob(b"{}"), self._blob(layer)]
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"},
            "layers": [{"mediaType": media_type, "digest": digests[1], "size": len(layer)}],
        }
        digest = self._blob(json.dumps(manifest).encode())
        self.tags.setdefault(name, {})[tag] = digest
        return digest

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        parts = urlsplit(request.path)
        if parts.path in self.paths:
            return self.paths[parts.path]
        if parts.path == "/token":
            return self._token(request)
        if parts.path.startswith("/v2/"):
            return self._registry(request, parts.path.removeprefix("/v2/"), parts.query)
        if parts.path.startswith("/storage/"):
            return Reply(200, {}, self.blobs[parts.path.rpartition("/")[2]])
        if self._refuses(request):
            return Reply(401, {"WWW-Authenticate": 'Basic realm="charts"'}, b"")
        name = parts.path.removeprefix("/charts/")
        if name == "index.yaml":
            return self._index(request)
        found = self.files.get(name)
        return Reply(404) if found is None else Reply(200, {}, found)

    def _index(self, request: Request) -> Reply:
        text = yaml.safe_dump({"apiVersion": "v1", "entries": self.entries}).encode()
        etag = f'"{hashlib.sha256(text).hexdigest()}"'
        if self.etags and request.headers.get("if-none-match") == etag:
            return Reply(304, {"ETag": etag}, b"")
        return Reply(200, {"ETag": etag} if self.etags else {}, text)

    def _refuses(self, request: Request) -> bool:
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        return bool(self.login) and request.headers.get("authorization") != wanted

    def _token(self, request: Request) -> Reply:
        if self._refuses(request):
            return Reply(401)
        return json_reply(json.dumps({"token": f"token-of-{self.login.partition(':')[0]}"}))

    def _registry(self, request: Request, path: str, query: str) -> Reply:
        token = f"Bearer token-of-{self.login.partition(':')[0]}"
        if self.login and request.headers.get("authorization") != token:
            realm = f'Bearer realm="{self.web.url}/token",service="charts",scope="pull"'
            return Reply(401, {"WWW-Authenticate": realm}, b"")
        if path.endswith("/tags/list"):
            return self._tags(path.removesuffix("/tags/list"), query)
        name, kind, reference = path.rsplit("/", 2)
        if kind == "blobs":
            return Reply(307, {"Location": f"/storage/{reference}"}, b"")
        digest = self.tags.get(name, {}).get(reference, reference)
        found = self.blobs.get(digest)
        if found is None:
            return Reply(404)
        return Reply(200, {"Content-Type": _MANIFEST, "Docker-Content-Digest": digest}, found)

    def _tags(self, name: str, query: str) -> Reply:
        if name not in self.tags:
            return Reply(404)
        known = sorted(self.tags[name])
        last = parse_qs(query).get("last", [""])[0]
        page = [tag for tag in known if tag > last][:_PAGE]
        more = page and page[-1] != known[-1]
        link = {"Link": f'</v2/{name}/tags/list?n={_PAGE}&last={page[-1]}>; rel="next"'}
        return json_reply(json.dumps({"name": name, "tags": page}), **(link if more else {}))

    def _blob(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest


@contextlib.contextmanager
def chart_server(authority: CertificateAuthority | None = None) -> Iterator[ChartServer]:
    """Serve charts for a while."""
    server = ChartServer()
    server.web = WebServer(server.answer, authority=authority or CertificateAuthority())
    try:
        yield server
    finally:
        server.web.close()
