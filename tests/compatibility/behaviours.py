"""What a user of External Secrets Operator knows beside fields, and which test shows it here."""

# ruff: noqa: E501
# A row a line: names of tests are long.
from __future__ import annotations

__all__ = ["SECTIONS"]

_ROWS = "conformance/test_eso_rows.py::test_row"
_PLAN = "core/test_plan.py"
_PROCESS = "e2e/test_process.py::test_metrics_have_the_names_of_eso"
_DIALECT = "core/test_dialects.py"
_ORACLE = "core/test_eso_templates_oracle.py"
_UPDATES = "e2e/test_updates.py"
_PUSH = "refresh/test_pushing.py"
_FUNCTIONS = _ORACLE + "::test_functions_are_those_of_the_operator"

#: Heading → rows of (subject, what it does, proof).
# fmt: off
SECTIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Policies": (
        ("creationPolicy Owner", "creates, repairs, owns; a renamed target's old Secret goes", _UPDATES + "::test_renamed_target_deletes_the_old_secret"),
        ("creationPolicy Orphan", "creates without an owner; not watched between refreshes", "e2e/test_drift.py::test_fault_18_orphan_is_not_watched_over"),
        ("creationPolicy Merge", "writes into a Secret that is there, keeps foreign keys; SecretMissing otherwise", _PLAN + "::test_absent_is_created_except_by_merge"),
        ("creationPolicy CreateOrMerge", "as Merge, and creates", "refresh/test_applying_clusters.py::test_every_policy_settles"),
        ("creationPolicy None", "reads, writes nothing", "refresh/test_pipeline.py::test_none_writes_nothing"),
        ("deletionPolicy Retain", "an absence is an error, the Secret stays", "controller/test_absence.py::test_fault_5_retain_never_deletes"),
        ("deletionPolicy Delete", "the Secret goes with its last key", "conformance/test_eso_rows_further.py::test_deletion_policy_delete"),
        ("deletionPolicy Merge", "keys go, the Secret stays", "controller/test_absence.py::test_fault_5_merge_removes_the_key_only_at_the_second_look"),
        ("refreshPolicy Periodic", "at each interval", _UPDATES + "::test_upstream_rotation_is_picked_up_and_writes_one_secret"),
        ("refreshPolicy CreatedOnce", "never again once it was made", _UPDATES + "::test_created_once_is_never_read_again"),
        ("refreshPolicy OnChange", "when it was edited", _UPDATES + "::test_on_change_reads_again_only_when_edited"),
        ("refreshInterval 0", "once", "e2e/test_no_needless_work.py::test_interval_zero_is_never_asked_again"),
        ("force-sync annotation", "reads again at once", _UPDATES + "::test_force_sync_annotation_reads_again"),
        ("Deletion of an ExternalSecret", "the owned Secret goes, an orphan stays", _UPDATES + "::test_deleted_external_secret_takes_its_owned_secret_along"),
        ("immutable", "later data is refused, metadata follows", _PLAN + "::test_immutable_target_is_refused_and_its_metadata_still_follows"),
        ("Order of sources", "dataFrom in order, then data", "core/test_materialize.py::test_materialize_makes_the_data"),
        ("Metadata of the target", "the ExternalSecret's own without a template, the template's otherwise", "core/test_desired_secret.py::test_with_a_template_only_its_metadata_counts"),
        ("Rules of the validating webhook", "each refused with ESO's reason", "resources/test_external_secret_rules.py::test_fault_is_one_error_at_its_field_with_a_remedy"),
        ("service-account-token", "refused with an annotation of a ServiceAccount, also after rendering", "core/test_target_template.py::test_service_account_token_is_refused_again_where_only_rendering_tells"),
        ("controller class", "another's stores are left alone, silently", _UPDATES + "::test_store_of_another_controller_class_is_left_alone_silently"),
    ),
    "Status": (
        ("Ready True: SecretSynced", "", "e2e/test_guide.py::test_guide_status_reads_as_esos"),
        ("Ready True: SecretDeleted", "", "refresh/test_finding.py::test_nothing_found_under_delete_deletes_after_two_looks"),
        ("Ready True: SecretMissing", "", _PLAN + "::test_absent_is_created_except_by_merge"),
        ("Ready False: SecretSyncedError", "ESO's message, then the cause", "e2e/test_provider_outages.py::test_fault_1_outage_keeps_secrets_says_why_and_recovers"),
        ("syncedResourceVersion", "ESO's hash", "core/test_hashes.py::test_synced_resource_version_changes_with_each_part"),
        ("lastTransitionTime", "moves with the status", "e2e/test_guide.py::test_guide_condition_moves_only_with_its_status"),
        ("Store: Valid", "", "e2e/test_guide.py::test_guide_store_status_reads_as_esos"),
        ("Store: InvalidProviderConfig", "with the cause", "e2e/test_store_reasons.py::test_each_reason_is_told_and_goes_with_its_cause"),
        ("Store: ValidationFailed", "with the cause", "e2e/test_store_reasons.py::test_each_reason_is_told_and_goes_with_its_cause"),
        ("Store: ValidationUnknown", "credentials of each user's namespace; Ready, as there", "e2e/test_store_reasons.py::test_each_reason_is_told_and_goes_with_its_cause"),
        ("Store: InvalidStoreConfiguration", "with the field", "e2e/test_store_reasons.py::test_each_reason_is_told_and_goes_with_its_cause"),
        ("Store: capabilities", "ReadOnly, ReadWrite", "controller/test_pushes.py::test_store_says_that_it_is_written_too"),
        ("PushSecret: Synced, syncedPushSecrets", "", "controller/test_pushes.py::test_push_secret_is_pushed_when_it_comes_and_when_its_source_changes"),
        ("ClusterExternalSecret: provisionedNamespaces", "", "controller/test_pushes.py::test_cluster_external_secret_follows_the_labels_of_namespaces"),
        ("Columns of kubectl get", "each kind, in each served version", "e2e/test_tables.py::test_every_kind_has_the_columns_of_the_original_and_its_words_in_every_version"),
        ("selectableFields", "", "deploy/test_crds_on_api_server.py::test_field_selector_of_v1_finds_external_secrets"),
    ),
    "Labels, annotations, hashes, owners": (
        ("Takeover from ESO", "no Secret is written; tried with the operator itself (0.16.2)", "interop/test_eso_takeover.py::test_takeover_by_ours_writes_no_secret"),
        ("Going back to ESO", "no Secret is written. In a Merge Secret ESO does not remove keys that secretsync wrote: it looks at its own field manager's", "interop/test_eso_takeover.py::test_takeover_by_theirs_writes_no_secret_that_ours_made"),
        ("Keys that ESO wrote and nobody wants", "go", "e2e/test_no_needless_work.py::test_takeover_from_eso_writes_nothing_and_leaves_no_stale_key"),
        ("Label created-by, controller reference", "with Owner only", "core/test_desired_secret.py::test_created_by_and_owner_reference_are_for_owner_only"),
        ("Annotation data-hash", "SHA3-224 of Go's print", "core/test_hashes.py::test_data_hash_equals_go"),
        ("Field managers", "ESO's rules for long names", "core/test_hashes.py::test_eso_field_managers_follow_the_rules_of_every_release"),
        ("Labels that ESO wrote and nobody wants", "go", _PLAN + "::test_labels_that_eso_wrote_and_nobody_wants_go_too"),
        ("Finalizer of PushSecrets", "while deletionPolicy is Delete", "controller/test_pushes.py::test_edit_that_takes_an_entry_away_deletes_it_with_the_policy"),
    ),
    "Metrics": (
        ("externalsecret_sync_calls_total, _sync_calls_error", "", _PROCESS),
        ("externalsecret_status_condition", "", _PROCESS),
        ("_reconcile_duration of each kind", "nanoseconds, as there", _PROCESS),
        ("externalsecret_provider_api_calls_count", "ESO's names of providers and calls", _PROCESS),
        ("secretstore_, clustersecretstore_status_condition", "", "e2e/test_process.py::test_metrics_of_a_namespaced_store_and_of_what_is_gone"),
        ("pushsecret_, clusterpushsecret_, clusterexternalsecret_status_condition", "", "compatibility/test_fields.py::test_metrics_of_each_kind_are_those_of_the_page"),
    ),
    "Events": (
        ("Deleted", "", "controller/test_events_of_absence.py::test_secret_that_goes_with_its_key_is_an_event"),
        ("MissingProviderSecret", "once for each absence, be other keys left or none", "controller/test_events_of_absence.py::test_secret_that_goes_with_its_key_is_an_event"),
        ("Updated", "", "e2e/test_rbac.py::test_rights_of_deploy_are_enough_for_everything"),
        ("UpdateFailed", "with the cause; again when it says something new", "e2e/test_rbac.py::test_rights_of_deploy_are_enough_for_everything"),
    ),
    "Values, by store": (
        ("Property of JSON", "each store's own dialect of paths", _DIALECT + "::test_property_is_addressed_as_eso_does_for_that_store"),
        ("Whole value", "", _DIALECT + "::test_whole_value_is_what_eso_writes"),
        ("extract", "", _DIALECT + "::test_extract_makes_the_keys_that_eso_makes"),
        ("extract at Vault: numbers", "go through float64, as there", _DIALECT + "::test_extract_makes_the_keys_that_eso_makes[vault-through-float64]"),
        ("metadataPolicy Fetch", "tags, or labels and annotations", _DIALECT + "::test_metadata_is_addressed_by_tag_or_by_section"),
        ("gjson 1.18", "the same answers as the library", "core/test_gjson_oracle.py::test_get_over_random_paths_agrees_with_gjson"),
        ("Decoding", "the same answers as Go's", "core/test_gjson_oracle.py::test_decode_agrees_with_encoding_base64"),
        ("Conversion of keys", "", "core/test_keys.py::test_convert_key_by_strategy"),
        ("Regular expressions", "RE2's", "resources/test_regexes.py::test_go_expression_is_searched"),
        ("Replacements of regexps", "Go's", "resources/test_oracle_of_keys.py::test_replacements_are_gos"),
        ("Schedules of syncWindows", "Go's cron", "resources/test_oracle_of_keys.py::test_schedules_fire_when_cron_fires"),
        ("AWS: versions", "stage, or uuid/…", "providers/test_aws_reading.py::test_stage_and_version_id_select_the_version"),
        ("AWS: replicas in other regions", "a store answers for its own region; none stands in for it, and no object mixes two versions of a key", "refresh/test_faults.py::test_fault_33_replica_that_differs_is_mixed_with_the_primary_in_no_secret"),
        ("Parameter Store: versions and labels", "", "providers/test_aws_parameters.py::test_versions_and_labels_are_read_beside_the_current_one"),
        ("Google: number, alias, latest", "", "providers/gcp/test_gcp_reading.py::test_a_version_is_read_by_its_number"),
        ("Vault: version", "", "providers/vault/test_vault_reading.py::test_a_version_is_read_by_its_number"),
        ("Vault: paths", "ESO's rules of path and data/", "providers/vault/test_vault_paths.py::test_a_key_leads_to_the_path_that_eso_builds"),
        ("find: names and paths", "per store", "contract/test_provider_contract_find.py::test_find_lists_what_matches_name_and_path"),
        ("find: tags", "per store", "contract/test_provider_contract_find.py::test_find_by_tags_takes_those_that_have_them_all"),
        ("webhook: find, metadata", "refused, as there", "providers/test_webhook.py::test_metadata_and_find_are_refused"),
    ),
    "Pushes": (
        ("Not ours", "refused", "refresh/test_pushing.py::test_place_of_somebody_else_is_left_alone_and_the_others_are_pushed"),
        ("Properties", "merged into the object", "contract/test_provider_contract_write.py::test_push_of_properties_merges_them_and_deleting_one_keeps_the_other"),
        ("Equal", "no write", "contract/test_provider_contract_write.py::test_push_of_the_same_value_writes_nothing"),
        ("Deleted with the policy", "at each store that can delete; only what the status says", "refresh/test_pushing_stores.py::test_what_was_pushed_goes_with_the_policy_and_only_once"),
        ("A generator that is edited", "pushes what it makes now; ESO waits for the interval", "controller/test_push_generators.py::test_edit_of_a_generator_pushes_what_it_makes_now"),
        ("AWS: first version, tag, binary", "as ESO", "providers/test_aws_push.py::test_first_push_makes_a_marked_binary_secret"),
        ("AWS: metadata description, kmsKeyId, tags, secretPushFormat", "", "providers/test_aws_push.py::test_options_go_into_what_is_made"),
        ("Parameter Store: metadata secretType, tier, kmsKeyID", "", "providers/test_aws_push.py::test_parameter_keeps_its_type_unless_the_metadata_names_one"),
        ("Google: metadata labels, annotations, mergePolicy", "", "providers/gcp/test_gcp_push.py::test_metadata_of_an_existing_secret"),
        ("Google: metadata topics", "", "providers/gcp/test_gcp_push.py::test_topics_are_set_and_compared"),
        ("Google: metadata replicationLocation(s), cmekKeyName", "", "providers/gcp/test_gcp_push.py::test_metadata_says_where_a_new_secret_is_replicated"),
        ("Vault: custom metadata as mark", "as ESO", "providers/vault/test_vault_push.py::test_the_marker_is_written_first_as_eso_writes_it"),
        ("kubernetes: metadata labels, annotations", "", "providers/test_kubernetes_store.py::test_push_marks_what_it_makes_and_sets_labels_and_annotations"),
        ("webhook", "sends the value once", "providers/test_webhook.py::test_push_sends_the_value_once"),
    ),
    "Templates": (
        ("All functions of ESO's engine v2", "the same names", _FUNCTIONS),
        ("Representative templates", "Go's output", _ORACLE + "::test_representative_template_renders_as_go"),
        ("sprig, pkcs12, pem, jwk, certificates, YAML, RSA", "Go's output or an error on both sides", _ORACLE + "::test_table_renders_as_go_or_fails_as_go"),
        ("Random templates", "the same", _ORACLE + "::test_random_templates_render_as_go_or_fail_as_go"),
        ("KeysAndValues and literals", "YAML as Go reads it", _ORACLE + "::test_rendered_maps_are_read_as_go_reads_them"),
        ("env, expandenv, getHostByName", "not there, as in ESO", "core/test_templating.py::test_function_that_reads_the_surroundings_is_not_there"),
    ),
    "Flags of the process": (
        ("--controller-class", "", "refresh/test_catalog.py::test_the_controller_class_decides"),
        ("--concurrent", "threads that plan and write", "cli/test_help.py::test_help_is_as_the_golden_file_says"),
        ("--metrics-addr, --live-addr", "", "e2e/test_process.py::test_probes_answer_and_unknown_paths_do_not"),
        ("--namespace", "a namespaced installation", "e2e/test_rbac.py::test_namespaced_rights_serve_one_namespace_and_touch_no_other"),
        ("any other flag of ESO", "a usage error, exit 2", "cli/test_help.py::test_unusable_arguments_exit_2_with_a_message_and_no_output"),
    ),
}
# fmt: on
