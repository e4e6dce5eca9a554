"""Which test shows that a field of ExternalSecrets, stores and pushes works.

By table of `fields`, then by path; a path that ends in `*` stands for all below it that have
no row of their own. A test is named by its file below `tests`, its function, and the id of
its case where one case is meant.
"""

# ruff: noqa: E501
# Names of tests are long, and are not to be broken.
from __future__ import annotations

__all__ = ["KINDS"]

_ROWS = "conformance/test_eso_rows.py::test_row"
_SOURCES = "resources/test_external_secret_rules.py::test_every_source_is_read_as_it_is_written"
_DATA = "core/test_materialize.py::test_materialize_makes_the_data"
_REWRITE = "core/test_rewrite.py::test_rules_make_the_keys"
_TARGET = "core/test_target_template.py::test_data_is_rendered_in_the_order_of_precedence"
_META = "core/test_target_template.py::test_metadata_is_rendered_and_wins_over_template_from"
_TEXTS = "refresh/test_template_sources.py"
_STORES = "core/test_materialize.py::test_sources_are_each_named_once[stores-differ]"
_GENERATED = "refresh/test_generations.py::test_values_become_keys_by_their_own_rewrites"
_PUSHED = "refresh/test_pushing.py"
_PUSH_CORE = "core/test_push.py::test_entries_send_their_keys_to_their_places"
_MAKER = "resources/test_provisioner.py"
_SELECTED = "refresh/test_selectors.py::test_credentials_are_those_of_that_namespace"

KINDS: dict[str, dict[str, str]] = {
    "ExternalSecret": {
        "spec.secretStoreRef*": "cli/test_sync_stores.py::test_store_and_credentials_of_the_cluster_directory_are_used",
        "spec.refreshPolicy": "core/test_schedule.py::test_next_due_at_by_policy",
        "spec.refreshInterval": "core/test_schedule.py::test_next_due_at_by_policy",
        "spec.syncWindows*": "core/test_sync_windows.py::test_windows_decide_together",
        "spec.syncWindows.windows[].duration": "core/test_sync_windows.py::test_window_is_open_from_its_firing_to_the_end_of_its_duration",
        "spec.target": _ROWS + "[JSONDataWithTemplate]",
        "spec.target.name": "e2e/test_updates.py::test_renamed_target_deletes_the_old_secret",
        "spec.target.creationPolicy": "refresh/test_applying_clusters.py::test_every_policy_settles",
        "spec.target.deletionPolicy": "conformance/test_eso_rows_further.py::test_deletion_policy_delete",
        "spec.target.manifest*": "core/test_manifest_target.py::test_manifest_object_holds_the_values_where_asked",
        "spec.target.immutable": "core/test_plan.py::test_becoming_immutable_is_an_update",
        "spec.target.template": _ROWS + "[JSONDataWithTemplate]",
        "spec.target.template.type": _ROWS + "[SSHKeySync]",
        "spec.target.template.engineVersion": _ROWS + "[JSONDataWithTemplate]",
        "spec.target.template.mergePolicy": _TARGET,
        "spec.target.template.metadata*": _META,
        "spec.target.template.metadata.finalizers[]": "core/test_plan_owners.py::test_a_finalizer_of_the_template_joins_those_of_others",
        "spec.target.template.data": _ROWS + "[JSONDataWithTemplate]",
        "spec.target.template.templateFrom[]": _TARGET,
        "spec.target.template.templateFrom[].configMap*": _ROWS + "[TemplateFromConfigmaps]",
        "spec.target.template.templateFrom[].secret*": _TEXTS
        + "::test_template_out_of_a_secret_is_rendered",
        "spec.target.template.templateFrom[].secret.items[].templateAs": _TARGET,
        "spec.target.template.templateFrom[].literal": _ROWS + "[JSONDataWithTemplateFromLiteral]",
        "spec.target.template.templateFrom[].target": _META,
        "spec.target.template.templateFrom[].valuesDecodingStrategy": _TARGET,
        "spec.data[]": _ROWS + "[SimpleDataSync]",
        "spec.data[].secretKey": _ROWS + "[SimpleDataSync]",
        "spec.data[].remoteRef": _ROWS + "[SimpleDataSync]",
        "spec.data[].remoteRef.key": _ROWS + "[SimpleDataSync]",
        "spec.data[].remoteRef.version": "conformance/test_eso_rows_further.py::test_versioned_secrets",
        "spec.data[].remoteRef.property": _ROWS + "[JSONDataWithProperty]",
        "spec.data[].remoteRef.metadataPolicy": "conformance/test_eso_rows_further.py::test_tagged_simple_secrets",
        "spec.data[].remoteRef.conversionStrategy": "compatibility/test_fields.py::test_conversion_of_a_data_entry_changes_no_key",
        "spec.data[].remoteRef.decodingStrategy": _ROWS + "[DecodingPolicySync]",
        "spec.data[].remoteRef.nullBytePolicy": "compatibility/test_fields.py::test_null_bytes_are_refused_where_they_are_to_fail",
        "spec.data[].sourceRef*": _STORES,
        "spec.dataFrom[]": _ROWS + "[JSONDataFromSync]",
        "spec.dataFrom[].extract": _ROWS + "[JSONDataFromSync]",
        "spec.dataFrom[].extract.key": _ROWS + "[JSONDataFromSync]",
        "spec.dataFrom[].extract.version": "compatibility/test_fields.py::test_extract_asks_for_version_and_metadata",
        "spec.dataFrom[].extract.property": _ROWS + "[JSONDataFromExtractProperty]",
        "spec.dataFrom[].extract.metadataPolicy": "compatibility/test_fields.py::test_extract_asks_for_version_and_metadata",
        "spec.dataFrom[].extract.conversionStrategy": _DATA + "[keys-converted-as-unicode]",
        "spec.dataFrom[].extract.decodingStrategy": _ROWS + "[DecodingPolicySync]",
        "spec.dataFrom[].extract.nullBytePolicy": "compatibility/test_fields.py::test_null_bytes_are_refused_where_they_are_to_fail",
        "spec.dataFrom[].find": _ROWS + "[FindByName]",
        "spec.dataFrom[].find.path": _ROWS + "[FindByNameWithPath]",
        "spec.dataFrom[].find.name*": _ROWS + "[FindByName]",
        "spec.dataFrom[].find.tags": _ROWS + "[FindByTag]",
        "spec.dataFrom[].find.conversionStrategy": "refresh/test_finding.py::test_found_values_go_the_way_of_all_others",
        "spec.dataFrom[].find.decodingStrategy": "refresh/test_finding.py::test_found_values_go_the_way_of_all_others",
        "spec.dataFrom[].find.nullBytePolicy": "compatibility/test_fields.py::test_null_bytes_are_refused_where_they_are_to_fail",
        "spec.dataFrom[].sourceRef": _SOURCES,
        "spec.dataFrom[].sourceRef.storeRef*": _SOURCES,
        "spec.dataFrom[].sourceRef.generatorRef*": _GENERATED,
        "spec.dataFrom[].rewrite[]": _REWRITE,
        "spec.dataFrom[].rewrite[].regexp*": _ROWS + "[JSONDataFromRewrite]",
        "spec.dataFrom[].rewrite[].transform*": _REWRITE + "[transform]",
        "spec.dataFrom[].rewrite[].merge*": _REWRITE + "[merge-into-a-key-keeps-the-others]",
        "spec.dataFrom[].rewrite[].merge.priority[]": _REWRITE + "[merge-a-priority-key-wins]",
        "spec.dataFrom[].rewrite[].merge.priorityPolicy": _REWRITE
        + "[merge-a-priority-key-may-be-missing]",
        "spec.dataFrom[].rewrite[].merge.conflictPolicy": "core/test_rewrite.py::test_rule_that_does_not_fit_is_an_error_without_a_value[conflict]",
        "spec.dataFrom[].rewrite[].merge.strategy": _REWRITE
        + "[merge-into-a-key-keeps-the-others]",
    },
    "SecretStore": {
        "spec.provider": "cli/test_sync_stores.py::test_store_and_credentials_of_the_cluster_directory_are_used",
        "spec.controller": "refresh/test_catalog.py::test_the_controller_class_decides",
        "spec.retrySettings*": "refresh/test_fetching.py::test_a_store_may_set_its_retries",
        "spec.refreshInterval": "resources/test_secret_store.py::test_refresh_interval_is_seconds_or_a_duration",
        "spec.conditions*": "resources/test_store_conditions.py::test_cluster_store_admits_by_its_conditions",
    },
    "PushSecret": {
        "spec.secretStoreRefs[]": _PUSHED
        + "::test_push_makes_the_store_hold_the_value_and_says_where",
        "spec.secretStoreRefs[].name": _PUSHED
        + "::test_push_makes_the_store_hold_the_value_and_says_where",
        "spec.secretStoreRefs[].kind": _PUSHED
        + "::test_cluster_store_that_does_not_admit_the_namespace_is_refused",
        "spec.secretStoreRefs[].labelSelector": _PUSHED
        + "::test_secrets_and_stores_are_found_by_their_labels",
        "spec.selector": _PUSHED + "::test_push_makes_the_store_hold_the_value_and_says_where",
        "spec.selector.secret*": _PUSHED
        + "::test_push_makes_the_store_hold_the_value_and_says_where",
        "spec.selector.secret.selector": _PUSHED
        + "::test_secrets_and_stores_are_found_by_their_labels",
        "spec.selector.generatorRef*": _PUSHED
        + "::test_generator_runs_once_a_refresh_even_if_the_push_has_to_be_repeated",
        "spec.refreshInterval": _PUSHED
        + "::test_between_refreshes_nobody_is_asked_until_the_secret_changes",
        "spec.updatePolicy": _PUSHED
        + "::test_if_not_exists_leaves_what_is_there_and_never_counts_it_as_pushed",
        "spec.deletionPolicy": _PUSHED
        + "::test_what_is_not_pushed_any_more_is_deleted_only_with_the_policy",
        "spec.data[]*": _PUSH_CORE,
        "spec.data[].metadata": "providers/test_aws_push.py::test_secret_is_pushed_as_string_where_the_metadata_says_so",
        "spec.data[].conversionStrategy": "core/test_push.py::test_reverse_unicode_undoes_what_unicode_conversion_did",
        "spec.dataTo[]*": _PUSH_CORE,
        "spec.dataTo[].storeRef*": _PUSHED + "::test_secrets_and_stores_are_found_by_their_labels",
        "spec.dataTo[].metadata": "compatibility/test_fields.py::test_metadata_of_many_pushes_goes_with_each",
        "spec.template*": _PUSHED + "::test_template_makes_what_is_pushed",
    },
    "ClusterExternalSecret": {
        "spec.externalSecretSpec": _MAKER
        + "::test_cluster_external_secret_makes_external_secrets_of_its_own_name",
        "spec.externalSecretName": _MAKER
        + "::test_child_has_the_given_name_and_metadata_and_the_call_for_a_sync",
        "spec.externalSecretMetadata*": _MAKER
        + "::test_child_has_the_given_name_and_metadata_and_the_call_for_a_sync",
        "spec.namespaceSelectors[]": "controller/test_pushes.py::test_cluster_external_secret_follows_the_labels_of_namespaces",
        "spec.namespaceSelector": _MAKER + "::test_any_selector_or_name_selects_a_namespace",
        "spec.namespaces[]": _MAKER + "::test_any_selector_or_name_selects_a_namespace",
        "spec.refreshTime": "compatibility/test_fields.py::test_refresh_time_of_a_maker_is_a_duration",
    },
    "ClusterPushSecret": {
        "spec.*": _MAKER + "::test_cluster_push_secret_makes_push_secrets_and_refuses_bad_ones",
        "spec.pushSecretMetadata*": "compatibility/test_fields.py::test_pushes_of_a_maker_have_its_name_and_metadata",
        "spec.pushSecretName": "compatibility/test_fields.py::test_pushes_of_a_maker_have_its_name_and_metadata",
        "spec.refreshTime": "compatibility/test_fields.py::test_refresh_time_of_a_maker_is_a_duration",
    },
    "selector: a key of a Secret": {
        "*": _SELECTED,
        "namespace": "refresh/test_selectors.py::test_the_namespace_of_a_selector",
    },
    "selector: a whole Secret": {
        "*": "refresh/test_selectors.py::test_a_whole_secret_with_the_label_is_handed_out"
    },
    "selector: a key of a ConfigMap": {
        "*": "refresh/test_selectors.py::test_a_text_of_a_config_map_is_found"
    },
    "selector: a ServiceAccount": {
        "*": _SELECTED,
        "audiences[]": "providers/gcp/test_gcp_federation.py::test_a_pods_token_is_asked_for_the_pool_that_takes_it",
    },
    "selector: an authority": {
        "*": "refresh/test_selectors.py::test_an_authority_is_found_in_either_kind"
    },
    "selector: a label selector": {
        "*": "resources/test_store_conditions.py::test_label_selector_matches_as_in_kubernetes"
    },
}
