"""Identities of the tests at Google: pods, pools, descriptions, and a machine's own server."""

from __future__ import annotations

import json
import threading
import traceback
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from providers.base import (
    ConfigMapKeySelector,
    Credentials,
    SecretBytes,
    SecretRef,
    ServiceAccountSelector,
    ServiceAccountToken,
    WholeSecretSelector,
)
from providers.gcp.config import (
    GcpAuth,
    GcpWorkloadIdentity,
    GcpWorkloadIdentityFederation,
)
from tests.support.gcp_tokens import ACCOUNT

POOL = (
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/clusters/providers/one"
)
POD = ServiceAccountSelector("reader", audiences=("extra",))
AWS = WholeSecretSelector("aws")
CRED_CONFIG = ConfigMapKeySelector("federation", "config.json")
IMPERSONATION = (
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
    f"{ACCOUNT}:generateAccessToken"
)
OWN_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def read(provider):
    [answer] = provider.fetch([SecretRef("app")]).values()
    return answer


def pod(annotation=""):
    annotations = {"iam.gke.io/gcp-service-account": annotation} if annotation else {}
    return Credentials(tokens={POD: ServiceAccountToken(SecretBytes(b"pod-token"), annotations)})


def workload(**fields):
    block = GcpWorkloadIdentity(POD, cluster_location="europe-west3", cluster_name="one")
    return GcpAuth(workload_identity=replace(block, **fields))


def federation(**fields):
    return GcpAuth(workload_identity_federation=GcpWorkloadIdentityFederation(**fields))


def description(**changes):
    info = {"type": "external_account", "audience": POOL, **changes}
    return Credentials(
        tokens=pod().tokens,
        config_maps={CRED_CONFIG: json.dumps(info)},
    )


def text_of(error):
    """Return the traceback with every cause and context."""
    return "".join(traceback.format_exception(error)) + repr(error)


class metadata_server:  # noqa: N801 - used as a context
    """The metadata server of a machine, with some attributes of its instance."""

    def __init__(self, attributes):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                good = name in attributes and self.headers["Metadata-Flavor"] == "Google"
                body = attributes.get(name, "").encode()
                self.send_response(200 if good else 404)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *args):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
