"""Objects as repositories have them, of the kinds that applications are made of."""

from __future__ import annotations

from typing import Any

from tests.gitops.comparing_kit import config_map, deployment, plain_secret

__all__ = ["SECRET_KINDS", "USUAL_KINDS"]

USUAL_KINDS: list[dict[str, Any]] = [
    deployment("web"),
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {
            "rules": [
                {
                    "host": "web.example.com",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "web", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ]
        },
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    },
    {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 60},
                    },
                }
            ],
        },
    },
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "web"},
        "spec": {
            "schedule": "0 3 * * *",
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "c", "image": "example.com/c:1"}],
                        }
                    }
                }
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "web"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "web"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    },
    plain_secret("web", a="1"),
    config_map("web", {"a": "1"}),
]

SECRET_KINDS: list[dict[str, Any]] = [
    {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "ExternalSecret",
        "metadata": {"name": f"db-{version}"},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"name": "store", "kind": "SecretStore"},
            "target": {"name": "db", "template": {"data": {"url": "{{ .password }}"}}},
            "data": [{"secretKey": "password", "remoteRef": {"key": "db", "property": "p"}}],
            "dataFrom": [{"extract": {"key": "all"}}, {"find": {"name": {"regexp": "^a"}}}],
        },
    }
    for version in ("v1", "v1beta1")
] + [
    {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "store"},
        "spec": {"provider": {"fake": {"data": [{"key": "db", "value": "x"}]}}},
    },
    {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": "push"},
        "spec": {
            "secretStoreRefs": [{"name": "store"}],
            "selector": {"secret": {"name": "db"}},
            "data": [{"match": {"secretKey": "password", "remoteRef": {"remoteKey": "copy"}}}],
        },
    },
    {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "sealed", "creationTimestamp": None},
        "spec": {
            "encryptedData": {"a": "AgA="},
            "template": {"metadata": {"name": "sealed", "creationTimestamp": None}},
        },
    },
]
