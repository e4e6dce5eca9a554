"""Writes deploy/crds of PushSecret and of what makes objects in many namespaces.

The schemas come out of the dataclasses that read the same manifests, so that the API server
and secretsync agree on every field. `python -m tests.deploy.push_crds` writes the files;
`test_push_crds` holds them to what it would write.
"""

from __future__ import annotations

import copy
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from providers.spec import Wire
from secretsync.resources.provisioner_spec import ClusterExternalSecretSpec, ClusterPushSecretSpec
from secretsync.resources.push_secret_spec import PushSecretSpec
from tests.deploy.api import load_manifests

__all__ = ["CRDS", "render"]

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
GROUP = "external-secrets.io"
READY = '.status.conditions[?(@.type=="Ready")]'
DURATION = r"^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"
NAME = {
    "type": "string",
    "minLength": 1,
    "maxLength": 253,
    "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

DESCRIPTIONS = {
    "annotations": "Annotations.",
    "apiVersion": "Version of the generator.",
    "conversionStrategy": "ReverseUnicode undoes conversionStrategy Unicode in the keys.",
    "data": "Keys, and where each goes.",
    "dataTo": "Many keys at once, each to its own place or all to one.",
    "deletionPolicy": "Delete deletes what was pushed when it is not pushed any more.",
    "externalSecretMetadata": "Labels and annotations of the ExternalSecrets.",
    "externalSecretName": "Name of the ExternalSecrets; the name of this object where empty.",
    "generatorRef": "A generator that makes the values.",
    "key": "Key of the label.",
    "kind": "Kind of the object.",
    "labelSelector": "Stores with these labels.",
    "labels": "Labels.",
    "match": "Which keys.",
    "matchExpressions": "Requirements that all hold.",
    "matchLabels": "Labels with these values.",
    "metadata": "Options of the provider.",
    "name": "Name of the object.",
    "namespaceSelector": "Deprecated: use namespaceSelectors.",
    "namespaceSelectors": "Namespaces with these labels; any one of them is enough.",
    "namespaces": "Deprecated: use namespaceSelectors.",
    "operator": "How the values are compared.",
    "property": "One property of the JSON object there.",
    "pushSecretMetadata": "Labels and annotations of the PushSecrets.",
    "pushSecretName": "Name of the PushSecrets; the name of this object where empty.",
    "refreshInterval": "Time between two comparisons, such as 15m or 1h; 0 pushes once.",
    "refreshTime": "Time between two looks at the namespaces, such as 15m or 1h.",
    "regexp": "A Go regular expression (RE2).",
    "remoteKey": "Key at the provider.",
    "remoteRef": "Where it goes.",
    "rewrite": "How remote keys are made of keys, in order.",
    "secret": "Secrets of this namespace.",
    "secretKey": "Key of the Secret; the whole Secret as one JSON object where empty.",
    "secretStoreRefs": "Stores to push to.",
    "selector": "Where the values come from.",
    "source": "What is replaced.",
    "storeRef": "One of secretStoreRefs.",
    "target": "What stands there instead.",
    "template": "Makes other values of those of the source.",
    "transform": "Renders a Go template for each key, which is .value in it.",
    "updatePolicy": "IfNotExists leaves alone what is there.",
    "values": "Values to compare with.",
}


def _external_secret() -> dict[str, Any]:
    crd = load_manifests(CRDS / "externalsecrets.yaml")[0]
    found = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return copy.deepcopy(found)


def _schema(cls: type, path: str = "") -> dict[str, Any]:
    hints = get_type_hints(cls)
    properties, required = {}, []
    for item in fields(cls):
        wire: Wire = item.metadata.get("wire", Wire())
        name = wire.name or _camel(item.name)
        if name == "merge":
            continue  # not for dataTo
        properties[name] = {
            "description": DESCRIPTIONS[name],
            **_of(hints[item.name], wire, item, f"{path}.{name}"),
        }
        if wire.required:
            required.append(name)
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = required
    rule = RULES.get(cls.__name__)
    return {**found, "x-kubernetes-validations": rule} if rule else found


def _of(annotation: Any, wire: Wire, item: Field[Any], path: str) -> dict[str, Any]:
    name = path.rpartition(".")[2]
    if path == ".externalSecretSpec":
        return _external_secret()
    if path == ".template":
        target: dict[str, Any] = _external_secret()["properties"]["target"]
        return dict(target["properties"]["template"])
    if name == "pushSecretSpec":
        return push_spec()
    if name in ("refreshInterval", "refreshTime"):
        return {"type": "string", "pattern": DURATION, "default": "1h0m0s"}
    if annotation is Any:
        return copy.deepcopy(ANYTHING)
    [kind] = [each for each in _members(annotation) if each is not types.NoneType]
    if kind == tuple[tuple[str, str], ...]:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        entry = {"type": "string"} if inner is str else _schema(inner, path)
        entry = {"description": "One of them.", **entry}
        bound = {"minItems": 1} if name == "secretStoreRefs" else {}
        return {"type": "array", **bound, "items": entry}
    if is_dataclass(kind):
        return _schema(kind, path)  # type: ignore[arg-type] - a class, no instance
    return _string(wire, item)


def _string(wire: Wire, item: Field[Any]) -> dict[str, Any]:
    if wire.choices:
        found: dict[str, Any] = {"type": "string", "enum": list(wire.choices)}
        if item.default is not MISSING and item.default:
            found["default"] = item.default
        return found
    if wire.pattern:
        return dict(NAME)
    # Long enough for any place; the rules need a bound.
    return {"type": "string", "maxLength": 4096, **({"minLength": 1} if wire.required else {})}


def _members(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return get_args(annotation)
    return (annotation,)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _one_of(first: str, second: str, message: str) -> list[dict[str, str]]:
    return [{"rule": f"has(self.{first}) != has(self.{second})", "message": message}]


RULES = {
    "StoreRefSpec": _one_of(
        "name", "labelSelector", "exactly one of name and labelSelector is needed"
    ),
    "SecretSourceSpec": _one_of("name", "selector", "exactly one of name and selector is needed"),
    "SelectorSourceSpec": _one_of(
        "secret", "generatorRef", "exactly one of secret and generatorRef is needed"
    ),
    "DataToSpec": [
        {
            "rule": "!has(self.remoteKey) || !has(self.rewrite) || size(self.rewrite) == 0",
            "message": "remoteKey and rewrite exclude each other",
        }
    ],
    "RewriteSpec": _one_of("regexp", "transform", "exactly one of regexp and transform is needed"),
}


def push_spec() -> dict[str, Any]:
    """Return the schema of a PushSecret's spec."""
    return {"description": "What to push, and where to.", **_schema(PushSecretSpec)}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string"}


CONDITIONS = {
    "description": "What became of it.",
    "type": "array",
    "items": {
        "description": "One condition.",
        "type": "object",
        "required": ["type", "status"],
        "properties": {
            "type": _text("Kind of the condition."),
            "status": _text("True, False or Unknown."),
            "reason": _text("Why, in one word."),
            "message": _text("Why, for people."),
            "lastTransitionTime": {**_text("Since when."), "format": "date-time"},
        },
    },
}
PUSH_STATUS = {
    "description": "What was pushed.",
    "type": "object",
    "properties": {
        "refreshTime": {**_text("When something was pushed last."), "format": "date-time"},
        "syncedResourceVersion": _text("Which edit of the object was pushed."),
        "syncedPushSecrets": {
            "description": "Store, place there, and the entry that went to it.",
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": copy.deepcopy(ANYTHING),
            },
        },
        "conditions": CONDITIONS,
    },
}


def _provision_status(name: str) -> dict[str, Any]:
    return {
        "description": "Which namespaces have one.",
        "type": "object",
        "properties": {
            name: _text("Name of what was made."),
            "provisionedNamespaces": {
                "description": "Namespaces that have one.",
                "type": "array",
                "items": {"type": "string"},
            },
            "failedNamespaces": {
                "description": "Namespaces that have none, or an old one.",
                "type": "array",
                "items": {
                    "description": "One namespace.",
                    "type": "object",
                    "required": ["namespace"],
                    "properties": {
                        "namespace": _text("Name of the namespace."),
                        "reason": _text("Why."),
                    },
                },
            },
            "conditions": CONDITIONS,
        },
    }


def _column(name: str, path: str, kind: str = "string") -> dict[str, str]:
    return {"name": name, "type": kind, "jsonPath": path}


AGE = _column("AGE", ".metadata.creationTimestamp", "date")
STATUS = _column("Status", f"{READY}.reason")
STORE_OF_CHILD = ".spec.externalSecretSpec.secretStoreRef.name"

#: Plural → what the CRD consists of, beside its schema.
KINDS: dict[str, dict[str, Any]] = {
    "pushsecrets": {
        "kind": "PushSecret",
        "short": "ps",
        "scope": "Namespaced",
        "versions": ("v1alpha1",),
        "says": "Pushes values of the cluster to stores.",
        "columns": [AGE, STATUS, _column("Last Sync", ".status.refreshTime", "date")],
        "spec": PushSecretSpec,
        "status": PUSH_STATUS,
    },
    "clusterpushsecrets": {
        "kind": "ClusterPushSecret",
        "short": "",
        "scope": "Cluster",
        "versions": ("v1alpha1",),
        "says": "Makes a PushSecret in each of many namespaces.",
        "columns": [AGE, STATUS],
        "spec": ClusterPushSecretSpec,
        "status": _provision_status("pushSecretName"),
    },
    "clusterexternalsecrets": {
        "kind": "ClusterExternalSecret",
        "short": "ces",
        "scope": "Cluster",
        "versions": ("v1", "v1beta1"),
        "says": "Makes an ExternalSecret in each of many namespaces.",
        "columns": [
            _column("Store", STORE_OF_CHILD),
            _column("Refresh Interval", ".spec.refreshTime"),
            _column("Ready", f"{READY}.status"),
        ],
        "spec": ClusterExternalSecretSpec,
        "status": _provision_status("externalSecretName"),
    },
}

DESCRIPTIONS |= {
    "externalSecretSpec": "What each ExternalSecret says.",
    "pushSecretSpec": "What each PushSecret says.",
}


def crd(plural: str) -> dict[str, Any]:
    """Return one CustomResourceDefinition."""
    about = KINDS[plural]
    kind = about["kind"]
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        **({"shortNames": [about["short"]]} if about["short"] else {}),
        "categories": ["external-secrets"],
    }
    schema = {
        "description": about["says"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": _text("Version of the object's form."),
            "kind": _text("Kind of the object."),
            "metadata": {"type": "object"},
            "spec": {"description": "What is asked for.", **_schema(about["spec"])},
            "status": about["status"],
        },
    }
    versions = [
        {
            "name": version,
            "served": True,
            "storage": version == about["versions"][0],
            "subresources": {"status": {}},
            "additionalPrinterColumns": about["columns"],
            "schema": {"openAPIV3Schema": schema},
        }
        for version in about["versions"]
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "labels": {f"{GROUP}/component": "controller"},
        },
        "spec": {
            "group": GROUP,
            "scope": about["scope"],
            "names": names,
            "conversion": {"strategy": "None"},
            "versions": versions,
        },
    }


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def render(plural: str) -> str:
    """Return the text of a file."""
    about = KINDS[plural]
    versions = " and ".join(f"{GROUP}/{version}" for version in about["versions"])
    head = f"# {about['kind']}, served as {versions}. Written by tests/deploy/push_crds.py.\n"
    dumped = yaml.dump(crd(plural), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=96)
    return head + dumped


if __name__ == "__main__":
    for each in KINDS:
        (CRDS / f"{each}.yaml").write_text(render(each))
