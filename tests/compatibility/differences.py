"""What works otherwise than in External Secrets Operator, why, and which test shows it.

Neighbours: `field_differences` has those of one field; `behaviours` has what works as there.
"""

# Names of tests are long, and are not to be broken.
from __future__ import annotations

from tests.compatibility.field_differences import Difference

__all__ = ["DIFFERENCES"]

_PUSH = "refresh/test_pushing.py"

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "A Secret that is not ours",
        'refused unless annotated `secretsync.io/adopt: "true"`; ESO takes it over',
        "nobody's Secret is overwritten by a name that was mistyped",
        "e2e/test_refusals.py::test_fault_17_foreign_secret_is_refused_until_adopted",
    ),
    Difference(
        "An empty value over a good one",
        'refused unless annotated `secretsync.io/allow-empty: "true"`',
        "a store that loses a value must not take it from its users too",
        "core/test_plan_empty.py::test_a_blank_value_over_a_good_one_is_refused",
    ),
    Difference(
        "A new version that lost keys or shrank",
        "is written, as in ESO, unless `secretsync.io/require-keys` or "
        "`secretsync.io/max-shrink-percent` on the ExternalSecret says what must hold",
        "half a value is worse than an old one, where its user knows what whole means",
        "refresh/test_faults.py::"
        "test_fault_8_guard_keeps_the_secret_names_what_went_and_lets_the_next_good_one_through",
    ),
    Difference(
        "An older version after a newer one",
        "is written by a running service after two looks a minute apart",
        "a copy that lags behind must not take a rotation back",
        "refresh/test_receding.py::"
        "test_fault_10_older_version_of_aws_whose_ids_do_not_count_is_not_written",
    ),
    Difference(
        "deletionPolicy Delete and Merge",
        "a running service deletes after two looks a minute apart; many at once wait for "
        "`secretsync.io/acknowledge`",
        "one wrong answer of a store deletes nothing",
        "controller/test_absence.py::test_fault_5_absence_deletes_only_at_the_second_look",
    ),
    Difference(
        "Two ExternalSecrets with one target",
        "the older one writes, the other says whose it is",
        "in ESO they overwrite each other for ever",
        "e2e/test_refusals.py::test_fault_16_older_of_two_owners_wins_without_flip_flop",
    ),
    Difference(
        "The cause of a failure",
        "stands in the status, after ESO's message",
        "ESO has it in events and logs only",
        "e2e/test_provider_outages.py::test_fault_1_outage_keeps_secrets_says_why_and_recovers",
    ),
    Difference(
        "status.refreshTime",
        "moves when something was written; `secretsync_store_age_seconds` tells the last look "
        "([ADR 4](adr/0004-no-heartbeat-in-status.md))",
        "a write for each object and interval that says nothing",
        "conformance/test_eso_rows_further.py::test_status_not_updated_after_successful_sync",
    ),
    Difference(
        "Column Status of ClusterPushSecrets",
        "Provisioned or NamespacesFailed; ESO writes no reason, and the column is empty",
        "a column that says nothing tells nobody what failed",
        "e2e/test_tables.py::test_every_kind_has_the_columns_of_the_original_and_its_words_in_every_version",
    ),
    Difference(
        "Event Created, finalizer of ExternalSecrets",
        "not made ([ADR 5](adr/0005-events-and-finalizers.md)); ESO's finalizer is removed on "
        "deletion",
        "deleting never hangs on a store",
        "e2e/test_updates.py::test_finalizer_of_eso_is_removed_from_an_invalid_external_secret",
    ),
    Difference(
        "Drift of a target",
        "repaired from what is known; the store is read only if that is not enough",
        "an edit in the cluster must not cost a read at the store",
        "e2e/test_drift.py::test_fault_18_edit_is_undone",
    ),
    Difference(
        "Refreshes",
        "spread over the interval; one list or version check a store, values read once for all",
        "ESO asks for each ExternalSecret by itself, at the same second",
        "core/test_schedule.py::test_phase_s_spreads_identities_evenly",
    ),
    Difference(
        "A store's Ready condition",
        "the service is asked as the store's identity; a store that lets none of its "
        "ExternalSecrets read is not Valid. One key of several that is denied is told by the "
        "ExternalSecret that names it",
        "a store that says Valid works; ESO's check asks AWS nothing",
        "e2e/test_store_reasons.py::test_store_that_gives_none_of_its_users_a_value_is_not_valid",
    ),
    Difference(
        "Generators",
        "run when it is time or an edit asks for it, not when a status was lost or a process "
        "started",
        "a new password that nobody asked for locks users out",
        "controller/test_generators.py::test_value_made_once_survives_restarts_lost_statuses_and_edits",
    ),
    Difference(
        "GeneratorState",
        "neither written nor read",
        "no served generator takes anything back",
        "deploy/test_generator_crds.py::test_roles_read_every_served_kind_and_write_none",
    ),
    Difference(
        "Rewrites that make one key of two",
        "refused where their values differ",
        "ESO keeps either of them, by chance",
        "core/test_rewrite.py::test_rule_that_does_not_fit_is_an_error_without_a_value[collision]",
    ),
    Difference(
        "gjson paths",
        "work out of proportion is refused; malformed JSON may give another result",
        "a path is a tenant's input",
        "core/test_property_path.py::test_get_that_asks_for_too_much_is_refused",
    ),
    Difference(
        "Templates",
        "bounded in output, steps and time; a dozen corner cases differ from Go, each tested",
        "a template is a tenant's input",
        "core/test_eso_templates_oracle.py::test_known_difference_is_still_one",
    ),
    Difference(
        "Key stores made by templates",
        "the same parts give the same bytes",
        "a keystore with a new salt would be a write at each refresh",
        "core/test_target_template.py::test_keys_of_a_keystore_stay_the_same_when_rendered_again",
    ),
    Difference(
        "templateFrom",
        "a change of the ConfigMap or Secret is noticed at the next look",
        "ESO renders again when the interval is over; nothing watches the sources in either",
        "refresh/test_template_sources.py::test_change_of_a_text_is_noticed_and_what_was_never_rendered_counts_as_changed",
    ),
    Difference(
        "find that finds nothing",
        "with Retain the Secret stays and the condition says so; keys that are found no more go "
        "after two looks",
        "a shorter list may be half a list",
        "refresh/test_finding.py::test_key_that_is_found_no_more_goes_after_two_looks_and_a_new_one_comes_at_once",
    ),
    Difference(
        "find by tags at AWS",
        "exact tags",
        "AWS filters by prefix of any key and any value: ESO finds too much",
        "providers/test_aws_find.py::test_prefix_filters_of_aws_alone_would_find_too_much",
    ),
    Difference(
        "find by tags at Google",
        "looks in the store's location only",
        "ESO overlooks the location for tags",
        "providers/gcp/test_gcp_find.py::test_tags_find_regional_secrets_in_their_location_alone",
    ),
    Difference(
        "kubernetes: an absent Secret in data",
        "counts as absent, so that deletionPolicy takes effect",
        "as in dataFrom; ESO returns another error in data",
        "providers/test_kubernetes_store.py::test_absent_secret_and_namespace_are_definite_absences",
    ),
    Difference(
        "kubernetes: metadata",
        "lacks kubectl's annotation with a copy of the values",
        "metadata is no value",
        "providers/test_kubernetes_store.py::test_metadata_is_labels_and_annotations_without_the_copy_of_the_values",
    ),
    Difference(
        "kubernetes: kubeconfig",
        "with `exec`, files, or a token file is refused",
        "a tenant's kubeconfig would run programs here",
        "providers/test_kubernetes_login.py::test_kubeconfig_that_is_not_taken_is_refused_and_not_shown",
    ),
    Difference(
        "kubernetes: push",
        "marks with `managed-by: external-secrets`, and refuses Secrets without it",
        "ESO overwrites whatever is there",
        "providers/test_kubernetes_store.py::test_push_over_a_foreign_secret_names_the_command_that_hands_it_over",
    ),
    Difference(
        "webhook: private addresses",
        "refused unless the process allows the network; metadata services always",
        "a tenant names the URL",
        "providers/test_webhook.py::test_metadata_service_is_never_asked",
    ),
    Difference(
        "webhook: redirects to another host",
        "refused",
        "credentials in headers would go with it",
        "providers/test_http.py::test_redirect_to_another_origin_is_refused_and_gets_no_request",
    ),
    Difference(
        "webhook: jsonPath",
        "arithmetic, functions and placeholders are refused",
        "none of them names a value of the answer",
        "providers/test_jsonpath.py::test_path_that_is_not_served_is_an_error",
    ),
    Difference(
        "gcpsm: a disabled latest version",
        "is told apart from an absent secret",
        "a disabled version must not delete a Secret",
        "providers/gcp/test_gcp_reading.py::test_a_disabled_or_destroyed_latest_is_told_apart_and_no_absence",
    ),
    Difference(
        "gcpsm: credConfig",
        "its audience and account are taken; sources that run programs, read files or ask URLs "
        "are refused, and so is externalTokenEndpoint, which names such a URL once more",
        "a tenant's description would use this machine and its network",
        "providers/gcp/test_gcp_federation.py::test_a_description_that_leads_elsewhere_is_refused_and_nothing_is_sent",
    ),
    Difference(
        "gcpsm: credConfig alone",
        "is refused: serviceAccountRef or awsSecurityCredentials says who logs in",
        "without them it would be this service's own identity, which is lent to nobody",
        "providers/gcp/test_gcp_federation.py::test_description_alone_lends_nobody_the_identity_of_this_machine",
    ),
    Difference(
        "vault: auth.gcp.serviceAccountRef",
        "is refused by name; workloadIdentity serves the same ServiceAccount",
        "ESO logs in as its own Pod there, whatever ServiceAccount is named",
        "compatibility/test_page.py::test_refused_field_is_an_error_that_names_it",
    ),
    Difference(
        "aws: service CertificateManager",
        "is refused by name",
        "certificates can be put there and not be read as values: nothing to sync from, and a "
        "private key cannot be compared before it is written",
        "providers/test_aws_auth.py::test_certificate_manager_is_refused_by_name",
    ),
    Difference(
        "vault: session",
        "one login a store, renewed, and revoked at the end",
        "ESO logs in for each refresh of each ExternalSecret",
        "providers/vault/test_vault_sync.py::test_sync_reads_each_key_once_logs_in_once_and_revokes",
    ),
    Difference(
        "vault: a missing engine",
        "is no absence of a secret",
        "an unmounted engine must not delete a Secret",
        "providers/vault/test_vault_reading.py::test_an_engine_that_is_not_there_is_never_a_certain_absence",
    ),
    Difference(
        "vault: an empty find",
        "an empty engine is an empty list; an engine that is not there is an error",
        "as above",
        "providers/vault/test_vault_find.py::test_nothing_in_an_engine_that_is_another_or_none_is_an_error",
    ),
    Difference(
        "aws: resourcePolicy, replicationLocations in the metadata of a push",
        "refused by name; policies and replicas are left as they are",
        "ESO deletes a policy that it does not know at each push",
        "providers/test_aws_push.py::test_metadata_that_is_not_served_is_refused_by_name",
    ),
    Difference(
        "PushSecret: two for one place",
        "the older one keeps it, the other says so",
        "in ESO they overwrite each other for ever",
        _PUSH + "::test_older_of_two_push_secrets_keeps_the_place",
    ),
    Difference(
        "PushSecret: a source that is gone",
        "takes with it what was pushed after two looks, and only with deletionPolicy Delete",
        "one wrong answer deletes nothing",
        _PUSH + "::test_source_that_is_gone_for_two_looks_takes_with_it_what_was_pushed",
    ),
    Difference(
        "PushSecret: writes",
        "none while what is there is equal",
        "ESO puts or describes at each refresh",
        _PUSH + "::test_second_push_of_the_same_writes_nothing",
    ),
    Difference(
        "ClusterExternalSecret: an ExternalSecret of that name",
        "of somebody else is never taken over",
        "as Secrets that are not ours",
        "controller/test_pushes.py::test_external_secret_of_somebody_else_is_never_taken_over",
    ),
    Difference(
        "v1beta1",
        "served beside v1",
        "ESO serves it no more; manifests of both versions work",
        "deploy/test_crds_on_api_server.py::test_v1beta1_object_is_readable_as_v1_with_its_defaults",
    ),
    Difference(
        "Metrics of controller-runtime",
        "not there; `secretsync_queue_depth` and `secretsync_store_age_seconds` take their place",
        "they are of a library that is not used here",
        "compatibility/test_fields.py::test_metrics_of_each_kind_are_those_of_the_page",
    ),
)
