"""The rows of External Secrets Operator's own end-to-end list, as data.

Names and assertions are those of its `e2e/suites` common cases; values are our own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DOCKER_COMPACT", "METADATA", "ONE", "ROWS", "TWO", "VERSIONS", "Row"]

PEM = "-----BEGIN RSA PRIVATE KEY-----\nnot a key\n  two lines\n-----END RSA PRIVATE KEY-----\n"
DOCKER = '{"auths": {"https://index.docker.io/v1/": {"auth": "dGVzdDp0ZXN0"}}}'
#: As services write it anew that keep values, not texts.
DOCKER_COMPACT = DOCKER.replace(": ", ":")
ONE, TWO = "e2e-one", "e2e-two"
FOUND = ("e2e-find-one", "e2e-find-two", "e2e-other")
FINALIZER = "example.com/e2e"

#: Extras of providers, which tests of their own run.
VERSIONS, METADATA = "should read versioned secrets", "tagged simple secrets"


def _item(secret_key: str, key: str, **remote: str) -> dict[str, Any]:
    return {"secretKey": secret_key, "remoteRef": {"key": key, **remote}}


def _extract(key: str, **remote: str) -> dict[str, Any]:
    return {"extract": {"key": key, **remote}}


@dataclass(frozen=True, slots=True)
class Row:
    """One case.

    Args:
        remote: what the service holds before.
        spec: of the ExternalSecret, without its store.
        wanted: the data of the Secret.
        tags: of some of the secrets.
        objects: ConfigMaps and Secrets beside it, by kind and name.
        type: of the Secret.
        labels: that the Secret carries, among others.
        annotations: the same.
        finalizers: that the Secret has, and no other.
    """

    remote: Mapping[str, str]
    spec: Mapping[str, Any]
    wanted: Mapping[str, str]
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    objects: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    target: str = "e2e-target"


_PLAIN = {ONE: "bar", TWO: "bar"}
_JSON = {ONE: '{"foo1":"foo1-val","bar1":"bar1-val"}', TWO: '{"foo2":"foo2-val","bar2":"bar2-val"}'}
_JSON_DATA = [_item("one", ONE, property="foo1"), _item("two", TWO, property="bar2")]
_JSON_WANTED = {"one": "foo1-val", "two": "bar2-val"}
_NESTED = json.dumps(
    {
        "name": {"first": "Tom", "last": "Anderson"},
        "friends": [{"first": "Dale"}, {"first": "Roger"}],
    }
)
_FIND = {name: json.dumps({"name": name}, separators=(",", ":")) for name in FOUND}
_TAGS = {name: {"team": "e2e"} for name in FOUND[:2]} | {FOUND[2]: {"team": "other"}}
#: One outside of the path has the tag, and one inside has it not.
_CROSSED = {name: {"team": "e2e"} for name in FOUND[::2]} | {FOUND[1]: {"team": "other"}}


def _found(*names: str, prefix: str = "") -> dict[str, str]:
    return {name.removeprefix(prefix): _FIND[name] for name in names}


def _template(**template: Any) -> dict[str, Any]:
    return {"name": "e2e-target", "template": template}


def _from_config_maps() -> dict[str, Any]:
    return {
        "name": "templates",
        "items": [
            {"key": "config.json"},
            {"key": "lines", "templateAs": "KeysAndValues"},
        ],
    }


#: Name of the case → the case.
ROWS: dict[str, Row] = {
    "SimpleDataSync": Row(
        _PLAIN, {"data": [_item(ONE, ONE), _item(TWO, TWO)]}, {ONE: "bar", TWO: "bar"}
    ),
    "SyncWithoutTargetName": Row(
        {ONE: "bar"}, {"target": {}, "data": [_item(ONE, ONE)]}, {ONE: "bar"}, target="e2e"
    ),
    "JSONDataWithProperty": Row(_JSON, {"data": _JSON_DATA}, _JSON_WANTED),
    "JSONDataWithoutTargetName": Row(
        _JSON, {"target": {}, "data": _JSON_DATA}, _JSON_WANTED, target="e2e"
    ),
    "JSONDataWithTemplate": Row(
        _JSON,
        {
            "data": _JSON_DATA,
            "target": _template(
                metadata={
                    "annotations": {"example": "annotation"},
                    "labels": {"example": "label"},
                    "finalizers": [FINALIZER],
                },
                data={"executed": "executed: {{ .one }}|{{ .two }}"},
            ),
        },
        {"executed": "executed: foo1-val|bar2-val"},
        labels={"example": "label"},
        annotations={"example": "annotation"},
        finalizers=(FINALIZER,),
    ),
    "JSONDataWithTemplateFromLiteral": Row(
        _JSON,
        {
            "data": _JSON_DATA,
            "target": _template(templateFrom=[{"literal": "executed-{{ .one }}: {{ .two }}"}]),
        },
        {"executed-foo1-val": "bar2-val"},
    ),
    "TemplateFromConfigmaps": Row(
        _JSON,
        {
            "data": _JSON_DATA,
            "target": _template(templateFrom=[{"configMap": _from_config_maps()}]),
        },
        {"config.json": '{"one":"foo1-val"}', "foo1-val": "bar2-val", "fixed": "foo1-val"},
        objects={
            ("ConfigMap", "templates"): {
                "config.json": '{"one":"{{ .one }}"}',
                "lines": "{{ .one }}: {{ .two }}\nfixed: {{ .one }}\n",
            }
        },
    ),
    "JSONDataFromSync": Row(
        {ONE: '{"name":"Tom","price":1.50,"on":true,"tags":["a", "b"],"nothing":null}'},
        {"dataFrom": [_extract(ONE)]},
        {"name": "Tom", "price": "1.50", "on": "true", "tags": '["a", "b"]', "nothing": ""},
    ),
    "JSONDataFromExtractProperty": Row(
        {ONE: '{"db":{"username":"u","password":"p","port":5432},"other":"x"}'},
        {"dataFrom": [_extract(ONE, property="db")]},
        {"username": "u", "password": "p", "port": "5432"},
    ),
    "JSONDataFromRewrite": Row(
        {ONE: '{"username":"u","password":"p"}'},
        {
            "dataFrom": [
                {**_extract(ONE), "rewrite": [{"regexp": {"source": "(.*)", "target": "my_$1"}}]}
            ]
        },
        {"my_username": "u", "my_password": "p"},
    ),
    "NestedJSONWithGJSON": Row(
        {ONE: _NESTED},
        {
            "data": [
                _item("first", ONE, property="name.first"),
                _item("friend", ONE, property="friends.1.first"),
            ]
        },
        {"first": "Tom", "friend": "Roger"},
    ),
    "DockerJSONConfig": Row(
        {ONE: f'{{"dockerconfig": {DOCKER}}}'},
        {
            "data": [_item("mysecret", ONE, property="dockerconfig")],
            "target": _template(
                type="kubernetes.io/dockerconfigjson",
                data={".dockerconfigjson": "{{ .mysecret | toString }}"},
            ),
        },
        {".dockerconfigjson": DOCKER},
        type="kubernetes.io/dockerconfigjson",
    ),
    "DataPropertyDockerconfigJSON": Row(
        {ONE: json.dumps({"dockerconfig": DOCKER})},
        {
            "data": [_item("mysecret", ONE, property="dockerconfig")],
            "target": _template(
                type="kubernetes.io/dockerconfigjson",
                data={".dockerconfigjson": "{{ .mysecret | toString }}"},
            ),
        },
        {".dockerconfigjson": DOCKER},
        type="kubernetes.io/dockerconfigjson",
    ),
    "SSHKeySync": Row(
        {ONE: PEM},
        {
            "data": [_item("mysecret", ONE)],
            "target": _template(
                type="kubernetes.io/ssh-auth",
                data={"ssh-privatekey": "{{ .mysecret | toString }}"},
            ),
        },
        {"ssh-privatekey": PEM},
        type="kubernetes.io/ssh-auth",
    ),
    "SSHKeySyncDataProperty": Row(
        {ONE: json.dumps({"ssh": PEM})},
        {
            "data": [_item("mysecret", ONE, property="ssh")],
            "target": _template(
                type="kubernetes.io/ssh-auth",
                data={"ssh-privatekey": "{{ .mysecret | toString }}"},
            ),
        },
        {"ssh-privatekey": PEM},
        type="kubernetes.io/ssh-auth",
    ),
    "DecodingPolicySync": Row(
        {
            ONE: json.dumps(
                {
                    "encoded": base64.b64encode(b"decoded value").decode(),
                    "url": base64.urlsafe_b64encode(b"\xfb\xef\xbe?x").decode(),
                    "plain": "not-base64!",
                }
            ),
            TWO: base64.b64encode(b"bar").decode(),
        },
        {
            "dataFrom": [_extract(ONE, decodingStrategy="Auto")],
            "data": [
                _item("base64", TWO, decodingStrategy="Base64"),
                _item("none", TWO, decodingStrategy="None"),
            ],
        },
        {
            "encoded": "decoded value",
            "url": b"\xfb\xef\xbe?x".decode("latin-1"),
            "plain": "not-base64!",
            "base64": "bar",
            "none": base64.b64encode(b"bar").decode(),
        },
    ),
    "FindByName": Row(
        _FIND,
        {"dataFrom": [{"find": {"name": {"regexp": "^e2e-find"}}}]},
        _found(*FOUND[:2]),
    ),
    "FindByNameAndRewrite": Row(
        _FIND,
        {
            "dataFrom": [
                {
                    "find": {"name": {"regexp": "^e2e-find"}},
                    "rewrite": [{"regexp": {"source": "e2e-find-(.*)", "target": "$1"}}],
                }
            ]
        },
        _found(*FOUND[:2], prefix="e2e-find-"),
    ),
    "FindByNameWithPath": Row(
        _FIND,
        {"dataFrom": [{"find": {"path": "e2e-find", "name": {"regexp": ".*"}}}]},
        _found(*FOUND[:2]),
    ),
    "FindByTag": Row(
        _FIND, {"dataFrom": [{"find": {"tags": {"team": "e2e"}}}]}, _found(*FOUND[:2]), _TAGS
    ),
    "FindByTagWithPath": Row(
        _FIND,
        {"dataFrom": [{"find": {"path": "e2e-find", "tags": {"team": "e2e"}}}]},
        _found(FOUND[0]),
        _CROSSED,
    ),
}
