"""Fields that work otherwise than in External Secrets Operator, or are refused by a rule.

Neighbour: `differences` has what is no field.
"""

# Names of tests are long, and are not to be broken.
from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FIELD_DIFFERENCES", "REFUSED_BY_RULE", "Difference", "RuleRefusal"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row.

    Args:
        subject: what it is about.
        here: what secretsync does.
        why: the reason.
        proof: the test.
    """

    subject: str
    here: str
    why: str
    proof: str


@dataclass(frozen=True, slots=True)
class RuleRefusal:
    """A field that is refused where no class says so, but a rule.

    Args:
        said: what a user reads.
        value: of the field, to try it.
    """

    said: str
    value: object


#: By the id of a field.
REFUSED_BY_RULE: dict[str, RuleRefusal] = {
    "ExternalSecret: spec.data[].sourceRef.generatorRef": RuleRefusal(
        "a generator makes several keys, which data cannot take", {"kind": "UUID", "name": "a"}
    ),
    "PushSecret: spec.dataTo[].rewrite[].merge": RuleRefusal(
        "merge is not for dataTo", {"into": "a"}
    ),
}

#: By the id of a field.
FIELD_DIFFERENCES: dict[str, Difference] = {
    "ExternalSecret: spec.data[].remoteRef.emptyResultPolicy": Difference(
        "emptyResultPolicy",
        "Ignore makes a key, or a property of it, optional; it is named in the condition",
        "ESO has no such field: a missing property is always an error there",
        "refresh/test_finding.py::test_optional_key_that_is_missing_is_left_out_and_named",
    ),
    "ExternalSecret: spec.dataFrom[].extract.emptyResultPolicy": Difference(
        "emptyResultPolicy",
        "as in data",
        "as in data",
        "compatibility/test_fields.py::test_optional_extract_and_find_may_be_missing",
    ),
    "ExternalSecret: spec.dataFrom[].find.emptyResultPolicy": Difference(
        "emptyResultPolicy",
        "Ignore lets a query find nothing",
        "as in data",
        "compatibility/test_fields.py::test_optional_extract_and_find_may_be_missing",
    ),
    "ExternalSecret: spec.target.template.templateFrom[]": Difference(
        "templateFrom",
        "at most 4096 entries in one template",
        "the API server weighs the rules on their targets by how many there may be",
        "deploy/test_external_secret_validation.py::"
        "test_external_secret_is_refused_with_its_reason",
    ),
    "ExternalSecret: spec.target.manifest": Difference(
        "target.manifest",
        "as in ESO behind --unsafe-allow-generic-targets; objects of somebody else stay unless "
        "adopted, RBAC's own kinds, generators and deletionPolicy Delete are refused; an earlier "
        "name or kind of the target goes",
        "who writes an ExternalSecret must not gain what only the service may write",
        "e2e/test_manifest_targets.py::test_manifest_target_is_made_followed_and_written_only_when_it_differs",
    ),
    "provider webhook: secrets[].secretRef.key": Difference(
        "secrets[].secretRef.key",
        "not looked at: a template gets every key of the Secret",
        "as in ESO, whose schema has the field and whose webhook takes all keys",
        "providers/test_webhook.py::test_secret_of_the_block_gives_all_its_keys",
    ),
    "provider webhook: auth": Difference(
        "auth",
        "an empty one asks for nothing; auth.ntlm, all that it can hold, is refused",
        "NTLM needs MD4, and a connection of its own",
        "resources/test_store_blocks.py::test_block_is_read[webhook-empty-auth]",
    ),
    "provider vault: checkAndSet": Difference(
        "checkAndSet",
        "not looked at: every write names the version that it replaces",
        "a write over a change of somebody else would lose it",
        "providers/vault/test_vault_push.py::test_writes_name_the_version_that_they_replace",
    ),
    "provider vault: checkAndSet.required": Difference(
        "checkAndSet.required",
        "as checkAndSet",
        "as checkAndSet",
        "providers/vault/test_vault_push.py::test_writes_name_the_version_that_they_replace",
    ),
    "provider vault: auth.jwt.kubernetesServiceAccountToken.expirationSeconds": Difference(
        "expirationSeconds",
        "a warning: tokens live as long as all others",
        "a login needs one for a moment only",
        "compatibility/test_page.py::test_deprecated_field_is_a_warning_that_says_its_sentence",
    ),
    "generator VaultDynamicSecret: spec.retrySettings": Difference(
        "retrySettings",
        "a warning: a generator that failed runs again after a wait that grows",
        "one repeat for all: two retry loops multiply",
        "compatibility/test_page.py::test_deprecated_field_is_a_warning_that_says_its_sentence",
    ),
    "generator STSSessionToken: spec.auth.jwt": Difference(
        "auth.jwt",
        "refused when the generator runs",
        "AWS gives session tokens to users, not to roles: it cannot work in ESO either",
        "providers/test_aws_generators.py::test_session_token_by_a_service_account_is_refused_without_a_call",
    ),
    "generator STSSessionToken: spec.auth.jwt.serviceAccountRef": Difference(
        "auth.jwt.serviceAccountRef",
        "as auth.jwt",
        "as auth.jwt",
        "providers/test_aws_generators.py::test_session_token_by_a_service_account_is_refused_without_a_call",
    ),
    "provider directory: path": Difference(
        "provider directory",
        "secretsync's own: a directory of files below a folder that the process allows",
        "for machines without a store",
        "providers/test_directory.py::test_folder_below_an_allowed_one_is_served",
    ),
}
