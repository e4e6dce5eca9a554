"""What fails in kubeseal fails in `seal` with the same exit code and the same sentence."""

from __future__ import annotations

import pytest

from tests.seal.dropin_kit import blanked, key_files, kubeseal, seal, secret_yaml

pytestmark = pytest.mark.built("kubeseal")

GOOD = secret_yaml()
NO_NAMESPACE = secret_yaml(namespace="")
RAW = ("--raw", "--cert", "CERT")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return key_files(tmp_path_factory.mktemp("keys"))[0]


def both(arguments, given, certificate, env=None):
    arguments = [str(certificate) if part == "CERT" else part for part in arguments]
    return [program(*arguments, given=given, env=env) for program in (seal, kubeseal)]


def first_error(ended):
    """The sentence after `error: `, whichever channel it is on."""
    lines = (ended.err + ended.out.decode()).splitlines()
    found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    # Of the command line kubeseal complains on standard output, after all flags.
    return found[0] if found else lines[-1]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        pytest.param(("--cert", "/nonexistent"), GOOD, id="no-certificate-file"),
        pytest.param(("--cert", "CERT", "--format", "toml"), GOOD, id="format"),
        pytest.param(("--cert", "CERT", "-f", "/nonexistent"), GOOD, id="secret-file"),
        pytest.param(("--cert", "CERT", "--from-file", "x"), GOOD, id="from-file-without-raw"),
        pytest.param(("--cert", "CERT"), b"", id="empty"),
        pytest.param(("--cert", "CERT"), b"---\n# nothing\n", id="comment"),
        pytest.param(("--cert", "CERT"), secret_yaml(name='""'), id="no-name"),
        pytest.param(("--cert", "CERT"), NO_NAMESPACE, id="no-namespace"),
        pytest.param(("--cert", "CERT", "-n", "b"), GOOD, id="namespace-mismatch"),
        pytest.param(("--cert", "CERT"), b"metadata: {name: web, namespace: a}", id="no-data"),
        pytest.param((*RAW, "--name", "x"), b"v", id="raw-without-kubeconfig"),
        pytest.param((*RAW, "--namespace", "x"), b"v", id="raw-without-name"),
        pytest.param((*RAW, "--scope", "cluster-wide", "--from-file=a,b"), b"", id="two-files"),
        pytest.param(
            (*RAW, "--scope", "cluster-wide", "--from-file=k=/nonexistent"), b"", id="no-raw-file"
        ),
        pytest.param((), GOOD, id="no-kubeconfig"),
        pytest.param(("--validate",), GOOD, id="validate-without-kubeconfig"),
        pytest.param(("--kubeconfig", "/nonexistent", "--fetch-cert"), b"", id="kubeconfig"),
        pytest.param(("--context", "c", "--fetch-cert"), b"", id="context"),
        pytest.param(("--cluster", "c", "--fetch-cert"), b"", id="cluster"),
        pytest.param(("--user", "c", "--fetch-cert"), b"", id="user"),
        pytest.param(("--merge-into", "/nonexistent", "--cert", "CERT"), GOOD, id="merge-file"),
        pytest.param(("--recovery-unseal", "--recovery-private-key", "/n"), b"", id="no-key-file"),
        pytest.param(("--bogus",), b"", id="flag"),
        pytest.param(("--no-raw",), b"", id="no-flag"),
        pytest.param(("--vali",), b"", id="abbreviation"),
        pytest.param(("--raw=maybe",), b"", id="switch"),
        pytest.param(("-x",), b"", id="letter"),
        pytest.param(("-xy",), b"", id="letters"),
        pytest.param(("--cert",), b"", id="no-value"),
        pytest.param(("-o",), b"", id="no-value-of-a-letter"),
        pytest.param(("--=x",), b"", id="no-flag-name"),
        pytest.param(("--scope", "foo"), b"", id="scope"),
        pytest.param(("-v", "x"), b"", id="verbosity"),
        pytest.param(("--vmodule", "x"), b"", id="modules"),
        pytest.param(("--stderrthreshold", "x"), b"", id="severity"),
        pytest.param(("--log_backtrace_at", "x"), b"", id="trace-location"),
        pytest.param(("--log_file_max_size", "x"), b"", id="size"),
        pytest.param(("--version", "--bogus"), b"", id="flag-after-version"),
    ],
)
def test_failure_has_the_code_and_the_sentence_of_kubeseal(arguments, given, certificate):
    ours, theirs = both(arguments, given, certificate)
    assert theirs.code != 0
    assert (ours.code, first_error(ours)) == (theirs.code, first_error(theirs))
    assert ours.out == b""


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        pytest.param(("-o", "yaml"), {"SEALED_SECRETS_CERT": "CERT"}, id="cert"),
        pytest.param(("--cert", "CERT"), {"SEALED_SECRETS_FORMAT": "yaml"}, id="format"),
        pytest.param(
            ("--cert", "CERT", "-ojson"), {"SEALED_SECRETS_FORMAT": "yaml"}, id="flag-wins"
        ),
        pytest.param(("--cert", "CERT"), {"SEALED_SECRETS_SCOPE": "cluster-wide"}, id="scope"),
        pytest.param(("--cert", "CERT"), {"SEALED_SECRETS_NAMESPACE": "a"}, id="namespace"),
        pytest.param(("--cert", "CERT"), {"SEALED_SECRETS_NAME": "other"}, id="name"),
        pytest.param(("--cert", "CERT"), {"SEALED_SECRETS_RAW": "maybe"}, id="ignored"),
        pytest.param(
            ("--cert", "CERT", "--raw=false", "-v=3", "x", "--", "--bogus"), {}, id="forms"
        ),
        pytest.param(("--cert=CERT", "--cert", "CERT", "--raw=T", "--raw=0"), {}, id="last-wins"),
        pytest.param(("--cert", "CERT", "-f", "-"), {}, id="dash-is-a-file-name"),
    ],
)
def test_flags_and_environment_mean_the_same(arguments, env, certificate):
    env = {key: value.replace("CERT", str(certificate)) for key, value in env.items()}
    arguments = [part.replace("=CERT", f"={certificate}") for part in arguments]
    ours, theirs = both(arguments, GOOD, certificate, env)
    assert (ours.code, blanked(ours.out)) == (theirs.code, blanked(theirs.out)), ours.err


def test_recovery_keys_of_the_environment_come_before_those_of_the_flag(certificate):
    flags = ("--recovery-unseal", "--recovery-private-key", str(certificate.parent / "tls.key"))
    env = {"SEALED_SECRETS_RECOVERY_PRIVATE_KEY": "/nonexistent"}
    ours, theirs = both(flags, GOOD, certificate, env)
    assert (
        first_error(ours) == first_error(theirs) == "open /nonexistent: no such file or directory"
    )


def test_environment_that_cannot_be_read_is_named_and_not_used(certificate):
    ended = seal("--cert", certificate, given=GOOD, env={"SEALED_SECRETS_RAW": "maybe"})
    assert ended.code == 0
    assert "SEALED_SECRETS_RAW is ignored" in ended.err


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_goes_to_standard_output_and_succeeds(flag):
    ended = seal(flag, "--bogus") if flag == "-h" else seal(flag)
    assert ended.code == 0
    assert ended.out.startswith(b"seal: turn Secrets into SealedSecrets")


def test_version_line_is_read_by_scripts_as_kubeseals_is(certificate):
    ended = seal("--version")
    assert ended.code == 0
    assert ended.out.decode().split()[:3] == ["kubeseal", "version:", "v0.40.0"]
