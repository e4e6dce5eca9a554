"""`secretsync validate`: parse and check, with no network and no credentials."""

from __future__ import annotations

import json

import click

from secretsync.cli.options import help_epilog, namespace_option, output_option
from secretsync.cli.problems import problem_json, show_problems
from secretsync.resources.problems import Severity

__all__ = ["command"]


@click.command(epilog=help_epilog("0 good, 1 findings, 2 unreadable", "validate manifests/"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@namespace_option
@output_option
@click.option("--strict", is_flag=True, help="Warnings count as findings.")
def command(*, paths: tuple[str, ...], namespace: str, output: str, strict: bool) -> int:
    """Parse and check manifests; no network, no credentials."""
    # Imported here, as in every verb: --help needs no YAML reader.
    from secretsync.cli.application_checks import (  # noqa: PLC0415 - see above
        check_applications,
    )
    from secretsync.cli.inputs import read_paths  # noqa: PLC0415 - see above
    from secretsync.cli.template_checks import template_problems  # noqa: PLC0415 - see above
    from secretsync.resources.manifests import load_manifests  # noqa: PLC0415 - see above
    from secretsync.resources.sealed_secret_rules import (  # noqa: PLC0415 - see above
        envelope_problems,
    )

    inputs = read_paths(paths)
    default = namespace or "default"
    applications = check_applications(inputs.documents, default_namespace=default)
    manifests = load_manifests(applications.others, default_namespace=default)
    envelopes = [
        problem
        for item in manifests.sealed_secrets
        for problem in envelope_problems(item, manifests.origins[item.ref])
    ]
    templates = template_problems(applications.others, manifests, default_namespace=default)
    problems = [
        *(*inputs.unreadable, *inputs.problems),
        *(*manifests.problems, *envelopes, *templates, *applications.problems),
    ]
    show_problems(problems)
    kinds = (
        manifests.external_secrets,
        manifests.sealed_secrets,
        manifests.push_secrets,
        manifests.provisioners,
        manifests.secret_stores,
        manifests.secrets,
    )
    counted = {str(item.ref) for items in kinds for item in items}
    counted -= {item.object for item in (*envelopes, *templates)}
    valid = len(counted | applications.good)
    if output == "json":
        document = {
            "valid": valid,
            "problems": [problem_json(item) for item in problems],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        found = sum(item.severity is Severity.ERROR for item in problems)
        click.echo(f"{valid} valid, {found} errors, {len(problems) - found} warnings")
    if inputs.unreadable:
        return 2
    findings = [item for item in problems if strict or item.severity is Severity.ERROR]
    return 1 if findings else 0
