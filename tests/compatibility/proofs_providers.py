"""Which test shows that a field of a provider or a generator works; as `proofs_kinds`.

Paths of providers are those below `spec.provider.<key>`.
"""

# ruff: noqa: E501
# Names of tests are long, and are not to be broken.
from __future__ import annotations

__all__ = ["GENERATORS", "PROVIDERS"]

_AWS_AUTH = "providers/test_aws_auth.py"
_AWS_ROLES = "providers/test_aws_roles.py"
_AWS_PUSH = "providers/test_aws_push.py"
_AWS_GEN = "providers/test_aws_generators.py"
_GCP = "providers/gcp/test_gcp_auth.py"
_GCP_FEDERATION = "providers/gcp/test_gcp_federation.py"
_GCP_POD = (
    "providers/vault/test_vault_clouds.py"
    "::test_gcp_workload_identity_has_google_sign_for_the_pods_account"
)
_KUBE = "providers/test_kubernetes_store.py"
_BLOCK = "resources/test_store_blocks.py::test_block_is_read"
_VAULT = "providers/vault/test_vault_auth.py"
_CLOUDS = "providers/vault/test_vault_clouds.py"
_VAULT_READ = "providers/vault/test_vault_config.py::test_the_whole_block_is_read"
_VAULT_GEN = "providers/vault/test_vault_generators.py"
_HOOK = "providers/test_webhook.py"
_LOCAL = "generators/test_local_generators.py"
_TOKENS = "providers/test_token_generators.py"
_FEDERATION = _GCP_FEDERATION + "::test_federation_takes_audience_and_account_of_a_description"
_IDENTITY = _GCP_FEDERATION + "::test_workload_identity_exchanges_the_pods_token_and_impersonates"
_IAM = _CLOUDS + "::test_iam_sends_a_signed_request_that_names_the_server"
_IAM_ROLE = "providers/test_vault_iam_roles.py::test_account_of_the_cluster_becomes_the_role_that_vault_is_shown"

PROVIDERS: dict[str, dict[str, str]] = {
    "provider aws": {
        "service": "contract/test_provider_contract.py::test_fetch_of_existing_secrets_gives_their_bytes_and_versions",
        "region": _AWS_AUTH + "::test_secret_ref_keys_sign_the_calls",
        "role": _AWS_ROLES + "::test_roles_are_assumed_in_order_each_by_the_one_before",
        "additionalRoles[]": _AWS_ROLES
        + "::test_roles_are_assumed_in_order_each_by_the_one_before",
        "externalID": _AWS_ROLES + "::test_roles_are_assumed_in_order_each_by_the_one_before",
        "sessionTags[]*": _AWS_ROLES + "::test_session_tags_follow_the_policy",
        "transitiveTagKeys[]": _AWS_ROLES + "::test_session_tags_follow_the_policy",
        "sessionTagsPolicy": _AWS_ROLES + "::test_session_tags_follow_the_policy",
        "customSessionTags": _AWS_ROLES + "::test_session_tags_follow_the_policy",
        "prefix": "providers/test_aws_reading.py::test_prefix_goes_before_names_and_not_before_arns",
        "auth": _AWS_AUTH + "::test_without_auth_the_default_chain_is_used",
        "auth.secretRef*": _AWS_AUTH + "::test_secret_ref_keys_sign_the_calls",
        "auth.jwt*": _AWS_AUTH + "::test_jwt_exchanges_the_token_for_the_annotated_role",
        "secretsManager*": _AWS_PUSH + "::test_secret_is_deleted_as_the_store_says",
    },
    "provider fake": {
        "data[]*": "providers/test_fake.py::test_value_is_that_of_the_version",
        "validationResult": "providers/test_fake.py::test_check_says_what_the_store_says_of_itself",
    },
    "provider gcpsm": {
        "projectID": "providers/gcp/test_gcp_reading.py::test_a_version_is_read_by_its_number",
        "location": "providers/gcp/test_gcp_reading.py::test_regional_secrets_are_apart_from_global_ones",
        "secretVersionSelectionPolicy": "providers/gcp/test_gcp_reading.py::test_latest_or_fetch_takes_the_latest_enabled_version",
        "auth": _GCP + "::test_without_a_block_the_process_own_identity_is_used",
        "auth.secretRef*": _GCP + "::test_a_key_is_exchanged_once_for_many_reads",
        "auth.workloadIdentity*": _IDENTITY,
        "auth.workloadIdentityFederation*": _FEDERATION,
        "auth.workloadIdentityFederation.serviceAccountRef": _GCP_FEDERATION
        + "::test_federation_exchanges_a_service_accounts_token",
        "auth.workloadIdentityFederation.audience": _GCP_FEDERATION
        + "::test_federation_exchanges_a_service_accounts_token",
        "auth.workloadIdentityFederation.gcpServiceAccountEmail": _GCP_FEDERATION
        + "::test_federation_exchanges_a_service_accounts_token",
    },
    "provider kubernetes": {
        "server": _KUBE + "::test_every_login_reads_the_remote_namespace",
        "server.url": _KUBE + "::test_every_login_reads_the_remote_namespace",
        "server.caBundle": _KUBE + "::test_server_is_held_to_the_authority_that_the_store_names",
        "server.caProvider": _KUBE + "::test_every_login_reads_the_remote_namespace",
        "auth*": _KUBE + "::test_every_login_reads_the_remote_namespace",
        "authRef": _KUBE + "::test_every_login_reads_the_remote_namespace",
        "remoteNamespace": _KUBE + "::test_every_login_reads_the_remote_namespace",
    },
    "provider vault": {
        "server": "providers/vault/test_vault_sync.py::test_sync_reads_each_key_once_logs_in_once_and_revokes",
        "path": "providers/vault/test_vault_paths.py::test_a_key_leads_to_the_path_that_eso_builds",
        "version": "providers/vault/test_vault_reading.py::test_version_1_has_neither_versions_nor_metadata",
        "namespace": _VAULT + "::test_login_and_secrets_may_be_in_two_namespaces",
        "caBundle": "providers/vault/test_vault_faults.py::test_a_certificate_of_another_authority_is_refused_with_a_remedy",
        "caProvider": "compatibility/test_vault_doors.py::test_authority_of_a_ca_provider_is_trusted",
        "tls*": "compatibility/test_vault_doors.py::test_client_certificate_of_the_store_is_shown",
        "readYourWrites": "providers/vault/test_vault_reading.py::test_headers_of_the_store_and_of_consistency_are_sent",
        "forwardInconsistent": "providers/vault/test_vault_reading.py::test_headers_of_the_store_and_of_consistency_are_sent",
        "headers": "providers/vault/test_vault_reading.py::test_headers_of_the_store_and_of_consistency_are_sent",
        "auth": _VAULT + "::test_a_given_token_reads_and_is_neither_renewed_nor_revoked",
        "auth.namespace": _VAULT + "::test_login_and_secrets_may_be_in_two_namespaces",
        "auth.tokenSecretRef": _VAULT
        + "::test_a_given_token_reads_and_is_neither_renewed_nor_revoked",
        "auth.appRole*": _VAULT + "::test_app_role_logs_in_once_and_is_revoked_at_the_end",
        "auth.appRole.roleId": _VAULT + "::test_the_role_id_may_stand_in_the_store",
        "auth.kubernetes*": _VAULT + "::test_a_service_account_of_a_real_cluster_logs_in",
        "auth.kubernetes.secretRef": "compatibility/test_vault_doors.py::test_token_of_a_secret_logs_in_to_kubernetes_auth",
        "auth.jwt*": _VAULT + "::test_a_signed_token_logs_in",
        "auth.ldap*": _VAULT + "::test_ldap_sends_name_and_password_to_its_own_path",
        "auth.userPass*": _VAULT + "::test_user_and_password_log_in_whatever_the_name_holds",
        "auth.cert*": _VAULT + "::test_a_client_certificate_logs_in",
        "auth.iam*": _IAM,
        "auth.iam.jwt*": _IAM_ROLE,
        "auth.iam.role": _IAM_ROLE,
        "auth.iam.externalID": _IAM_ROLE,
        "auth.gcp*": _CLOUDS + "::test_gcp_sends_a_token_that_the_key_signed",
        "auth.gcp.projectID": _GCP_POD,
        "auth.gcp.location": _GCP_POD,
        "auth.gcp.workloadIdentity*": _GCP_POD,
    },
    "provider webhook": {
        "*": _HOOK + "::test_templates_make_url_headers_and_body",
        "timeout": _HOOK + "::test_no_fault_gives_a_value_or_an_absence_or_holds_anybody_up",
        "result*": _HOOK + "::test_value_of_an_answer",
        "secrets[]*": _HOOK + "::test_secrets_of_the_block_are_inserted_as_they_are",
        "caBundle": _HOOK + "::test_authority_of_the_block_is_trusted_and_no_other",
    },
}

_HOOK_GEN = _HOOK + "::test_generator_makes_a_key_of_each_member"
GENERATORS: dict[str, dict[str, str]] = {
    "generator ECRAuthorizationToken": {
        "spec.region": _AWS_GEN + "::test_private_token_comes_with_its_endpoint_and_its_end",
        "spec.auth*": _AWS_GEN + "::test_role_and_service_account_log_in_as_for_a_store",
        "spec.auth.secretRef*": _AWS_GEN
        + "::test_private_token_comes_with_its_endpoint_and_its_end",
        "spec.role": _AWS_GEN + "::test_role_and_service_account_log_in_as_for_a_store",
        "spec.scope": _AWS_GEN + "::test_public_token_has_no_endpoint",
    },
    "generator Fake": {
        "spec.data": _LOCAL + "::test_fake_gives_what_it_holds",
        "spec.controller": "controller/test_generators.py::test_generator_of_another_controller_is_not_run",
    },
    "generator GCRAccessToken": {
        "spec.*": "providers/gcp/test_gcp_generators.py::test_a_token_comes_with_its_user_name_and_its_end",
        "spec.auth.workloadIdentity*": _IDENTITY,
        "spec.auth.workloadIdentityFederation*": _FEDERATION,
    },
    "generator GithubAccessToken": {
        "spec.*": _TOKENS + "::test_github_gives_the_token_of_the_installation",
        "spec.repositories[]": _TOKENS + "::test_github_is_asked_for_less_where_the_spec_says_so",
        "spec.permissions": _TOKENS + "::test_github_is_asked_for_less_where_the_spec_says_so",
    },
    "generator MFA": {"spec.*": _LOCAL + "::test_mfa_gives_the_values_of_the_specification"},
    "generator Password": {
        "spec.length": _LOCAL + "::test_password_has_the_numbers_of_each_class_that_are_asked_for",
        "spec.digits": _LOCAL + "::test_password_has_the_numbers_of_each_class_that_are_asked_for",
        "spec.symbols": _LOCAL + "::test_password_has_the_numbers_of_each_class_that_are_asked_for",
        "spec.symbolCharacters": _LOCAL + "::test_password_takes_its_symbols_from_those_given",
        "spec.noUpper": _LOCAL + "::test_password_with_no_upper_has_no_capital",
        "spec.allowRepeat": _LOCAL + "::test_password_without_repeat_has_no_character_twice",
        "spec.secretKeys[]": _LOCAL + "::test_password_makes_one_for_each_key",
        "spec.encoding": _LOCAL + "::test_password_is_encoded_as_asked",
    },
    "generator QuayAccessToken": {
        "spec.*": _TOKENS + "::test_quay_exchanges_the_token_of_the_account"
    },
    "generator SSHKey": {"spec.*": _LOCAL + "::test_ssh_key_is_a_pair_in_the_formats_of_openssh"},
    "generator STSSessionToken": {
        "spec.*": _AWS_GEN + "::test_session_token_has_the_keys_of_the_reference"
    },
    "generator VaultDynamicSecret": {
        "spec.*": _VAULT_GEN + "::test_data_is_what_the_engine_gives_by_key",
        "spec.provider": _VAULT_GEN + "::test_data_is_what_the_engine_gives_by_key",
        "spec.controller": "controller/test_generators.py::test_generator_of_another_controller_is_not_run",
        "spec.method": _VAULT_GEN
        + "::test_parameters_are_sent_and_the_token_of_the_login_lives_on",
        "spec.parameters": _VAULT_GEN
        + "::test_parameters_are_sent_and_the_token_of_the_login_lives_on",
        "spec.getParameters": _VAULT_GEN + "::test_lists_and_queries",
        "spec.resultType": _VAULT_GEN + "::test_raw_is_the_whole_answer",
        "spec.allowEmptyResponse": _VAULT_GEN
        + "::test_an_answer_without_content_is_an_error_unless_it_is_allowed",
    },
    "generator Webhook": {
        "spec.*": _HOOK_GEN,
        "spec.controller": "controller/test_generators.py::test_generator_of_another_controller_is_not_run",
        "spec.caBundle": _HOOK + "::test_authority_of_the_block_is_trusted_and_no_other",
        "spec.timeout": _HOOK + "::test_no_fault_gives_a_value_or_an_absence_or_holds_anybody_up",
    },
}
