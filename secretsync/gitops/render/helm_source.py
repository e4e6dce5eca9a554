"""A Helm chart of the repository → objects, by the helm program; and what of it it reads.

Values go to Helm in files that nobody else may read. Charts that make values up
(`randAlphaNum`, `lookup`, …) are rendered twice: what differs is named.

Source: Helm 3.19, `helm template`; Argo CD 3.6, "Helm".
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from secretsync.cluster.base import Served
from secretsync.gitops.errors import RenderError, SourceError
from secretsync.gitops.model import Object
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.helm_parameters import parameter_values
from secretsync.gitops.sources.chart_dependencies import AddedChart
from secretsync.gitops.sources.git_tree import inside
from secretsync.gitops.sources.source_files import SourceFiles, objects_of
from secretsync.resources.application_spec import HelmFileParameter, HelmOptions

__all__ = ["helm_key", "helm_objects", "makes_values_up"]

#: Functions whose results differ from one render to the next.
_CHANGING = re.compile(
    rb"\b(rand(AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|uuidv4|genPrivateKey|genCA\w*|"
    rb"genSelfSignedCert\w*|genSignedCert\w*|derivePassword|htpasswd|bcrypt|now|lookup|shuffle)\b"
)
#: Of a chart that is copied, what links lead to counted each time.
_MAX_COPIED, _MAX_COPIED_BYTES = 20_000, 512 * 1024 * 1024
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
#: What Helm takes for one path: commas, equals signs and braces would begin another.
_FILE_NAME = re.compile(r"(?:[^,=\\{}]|\\\.)+")


def helm_key(
    files: SourceFiles, release: str, namespace: str, kube: Served | None
) -> tuple[str, ...]:
    """Return what the objects depend on."""
    options = files.source.helm or HelmOptions()
    used = [f"{path}={owner.id(path)}" for owner, path in _value_files(files, options)]
    used += [
        f"{path}={files.id(path)}" for path in (files.path(f.path) for f in options.file_parameters)
    ]
    served = () if kube is None else (kube.version, *kube.api_versions)
    return (files.id(files.folder), release, namespace, repr(options), *used, *served)


def helm_objects(
    files: SourceFiles,
    programs: Programs,
    release: str,
    namespace: str,
    kube: Served | None,
    added: Sequence[AddedChart] = (),
) -> list[Object]:
    """Return the objects of the chart, hooks and CRDs among them.

    Args:
        added: charts that it needs, and does not hold.

    Raises:
        RenderError: helm refuses it.
    """
    options = files.source.helm or HelmOptions()
    with tempfile.TemporaryDirectory(prefix="secretsync-helm-") as folder:
        arguments = ["template", "--namespace", options.namespace or namespace or "default"]
        arguments += _switches(options, kube)
        roots = {files.root, Path(folder)}
        for owner, path in _value_files(files, options):
            roots.add(owner.root)
            arguments += ["--values", _one_value(str(owner.disk(path)))]
        for number, text in enumerate(_own_values(options)):
            own = Path(folder) / f"values-{number}.yaml"
            own.touch(mode=0o600)
            own.write_text(text)
            arguments += ["--values", str(own)]
        for each in options.file_parameters:
            arguments += ["--set-file", _set_file(files, each)]
        # Behind the dashes nothing is a flag: a release name could be --post-renderer=….
        arguments += ["--", options.release_name or release, "."]
        chart = _whole(files, added, Path(folder)) if added else files.disk(files.folder)
        made = programs.run("helm", arguments, cwd=chart, roots=roots)
    return objects_of(made, file=f"helm template {files.folder or '.'}")


def makes_values_up(files: SourceFiles, added: Sequence[AddedChart] = ()) -> bool:
    """Return whether the chart could come out differently each time.

    Values count too, a chart may take them for templates; so does each packed chart.

    Args:
        added: charts that it needs, and does not hold.
    """
    options = files.source.helm or HelmOptions()
    if any(_CHANGING.search(text.encode()) for text in _own_values(options)):
        return True
    read = [files.disk(path) for path in files.files(files.folder)]
    read += [owner.disk(path) for owner, path in _value_files(files, options)]
    read += [path for each in added for path in each.root.rglob("*") if path.is_file()]
    return any(path.suffix == ".tgz" or _CHANGING.search(path.read_bytes()) for path in read)


def _whole(files: SourceFiles, added: Sequence[AddedChart], folder: Path) -> Path:
    """Return a copy of the chart that holds what it needs."""
    chart = folder / "chart"
    copy = _Copy()
    copy.folder(files.disk(files.folder), chart)
    for number, each in enumerate(added):
        copy.folder(each.root, chart / "charts" / f"{each.name}-{number}")
    return chart


class _Copy:
    """Copies folders, what links lead to as well: a few links make a folder without end."""

    def __init__(self) -> None:
        self._entries, self._bytes = 0, 0

    def folder(self, source: Path, target: Path) -> None:
        """Copy a folder.

        Raises:
            RenderError: it is too large, or a link leads nowhere.
        """
        try:
            shutil.copytree(source, target, ignore=self._count)
        except OSError:
            raise RenderError(
                "the chart cannot be copied: a link leads nowhere, or to itself",
                remedy="replace the links by files",
            ) from None

    def _count(self, folder: str, names: list[str]) -> list[str]:
        self._entries += len(names)
        sizes = (Path(folder, name).stat().st_size for name in names)
        self._bytes += sum(sizes)
        if self._entries > _MAX_COPIED or self._bytes > _MAX_COPIED_BYTES:
            raise RenderError(
                "the chart and what its links lead to are too large",
                remedy="replace the links by files",
            )
        return []


def _one_value(path: str) -> str:
    """Return an argument that names one file: Helm takes a list of them, as CSV has it."""
    doubled = path.replace('"', '""')
    return f'"{doubled}"'


def _set_file(files: SourceFiles, each: HelmFileParameter) -> str:
    """Return an argument of --set-file that names one file and no other.

    Raises:
        RenderError: Helm would read a second name or file out of it.
        SourceError: the file is outside of the repository.
    """
    path = files.path(each.path)
    if not _FILE_NAME.fullmatch(each.name) or "," in path or "\\" in path:
        raise RenderError(
            f"the file parameter {each.name[:100]!r} is no path, or its file has a comma",
            remedy="write a name such as image.tag, and rename the file",
        )
    return f"{each.name}={files.disk(path)}"


def _switches(options: HelmOptions, kube: Served | None) -> Iterator[str]:
    if not options.skip_crds:
        yield "--include-crds"
    if options.skip_tests:
        yield "--skip-tests"
    if options.skip_schema_validation:
        yield "--skip-schema-validation"
    version = options.kube_version or (kube.version if kube is not None else "")
    if version:
        yield from ("--kube-version", version)
    for each in options.api_versions or (kube.api_versions if kube is not None else ()):
        yield from ("--api-versions", each)


def _own_values(options: HelmOptions) -> Iterator[str]:
    """Yield what the Application itself says, the weakest first."""
    if options.values_object:
        yield yaml.safe_dump(options.values_object)
    elif options.values:
        yield options.values
    if options.parameters:
        yield yaml.safe_dump(parameter_values(options.parameters))


def _value_files(files: SourceFiles, options: HelmOptions) -> Iterator[tuple[SourceFiles, str]]:
    """Yield each file of values that there is, with the source that holds it.

    Raises:
        RenderError: it is remote, or of a source that there is not.
        SourceError: it does not exist, and may not be missing.
    """
    for name in options.value_files:
        owner, path = _value_file(files, name)
        if owner.tree.id(path) is not None:
            yield owner, path
        elif not options.ignore_missing_value_files:
            raise SourceError(
                f"the value file {name[:200]!r} does not exist",
                remedy="correct helm.valueFiles, or set ignoreMissingValueFiles",
            )


def _value_file(files: SourceFiles, name: str) -> tuple[SourceFiles, str]:
    if _REMOTE.match(name):
        raise RenderError(
            f"the value file {name[:200]!r} is not fetched while rendering",
            remedy="commit it, or make its repository a source with a ref",
        )
    if name.startswith("$"):
        ref, _, path = name[1:].partition("/")
        owner = files.refs.get(ref)
        if owner is None:
            raise RenderError(f"no source has the ref {ref[:100]!r}", remedy="add it to sources")
        return owner, inside(path)
    # With a slash in front, from the root of the repository.
    return files, inside(name) if name.startswith("/") else files.path(name)
