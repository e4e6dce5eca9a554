"""What an Application changes in a kustomization: the kustomization as it is then, and where.

The repository's files stay as they are: the folder is mirrored, with everything else in its
place around it, and its kustomization is edited there as `kustomize edit` would. Neighbour:
`kustomize_source` builds it.

Source: kustomize 5.7, `kustomize edit set|add`; Argo CD 3.6, "Kustomize".
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from secretsync.gitops.errors import RenderError
from secretsync.resources.application_spec import KustomizeOptions

__all__ = ["edited", "edits", "mirrored"]

#: What stands for "as it is" in an image's new name or tag.
_KEPT = "*"


def edits(options: KustomizeOptions) -> bool:
    """Return whether an Application changes its kustomization at all."""
    changing = (
        *(options.name_prefix, options.name_suffix, options.namespace, options.images),
        *(options.replicas, options.common_labels, options.common_annotations),
        *(options.patches, options.components),
    )
    return any(changing)


def edited(
    kustomization: Mapping[str, Any],
    options: KustomizeOptions,
    *,
    patches: Iterable[Mapping[str, Any]] = (),
    components: Iterable[str] = (),
) -> dict[str, Any]:
    """Return a kustomization with what an Application says.

    Args:
        kustomization: as the repository has it.
        patches: that are added, their text in place.
        components: that are added, from the kustomization's folder.

    Raises:
        RenderError: it says otherwise than the kustomization, and is not to overrule it.
    """
    made = _Fields(kustomization)
    for name, value in (
        ("namePrefix", options.name_prefix),
        ("nameSuffix", options.name_suffix),
        ("namespace", options.namespace),
    ):
        if value:
            made[name] = value
    if options.images:
        made["images"] = _images(made.entries("images"), map(_image, options.images))
    if options.replicas:
        counts = [{"name": each.name, "count": int(each.count)} for each in options.replicas]
        made["replicas"] = _named(made.entries("replicas"), counts)
    _label(made, options)
    if options.common_annotations:
        made["commonAnnotations"] = _added(
            made.map("commonAnnotations"),
            options.common_annotations,
            what="commonAnnotations",
            forced=options.force_common_annotations,
        )
    if added := list(patches):
        made["patches"] = [*made.entries("patches"), *added]
    if more := list(components):
        had = made.entries("components")
        made["components"] = [*had, *(each for each in more if each not in had)]
    return made.value


@contextlib.contextmanager
def mirrored(root: Path, folder: str) -> Iterator[Path]:
    """Give a folder that may be written to, with the repository around it.

    Args:
        root: of the repository's files.
        folder: from the root.
    """
    with tempfile.TemporaryDirectory(prefix="secretsync-kustomize-") as made:
        at, original = Path(made).resolve(), root.resolve()
        for part in filter(None, folder.split("/")):
            for each in original.iterdir():
                if each.name != part:
                    (at / each.name).symlink_to(each)
            at, original = at / part, original / part
            at.mkdir()
        shutil.copytree(original, at, symlinks=True, dirs_exist_ok=True, copy_function=_linked)
        yield at


def _linked(source: str, target: str) -> str:
    """Give a file a second name where that can be done, else copy it."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target)
    return target


class _Fields:
    """A kustomization by its fields, which kustomize takes in any case."""

    def __init__(self, kustomization: Mapping[str, Any]) -> None:
        self.value = dict(kustomization)
        self._names = {str(name).casefold(): name for name in kustomization}

    def get(self, name: str) -> Any:
        """Return a field, None where there is none."""
        return self.value.get(self._names.get(name.casefold(), name))

    def entries(self, name: str) -> list[Any]:
        """Return a list, empty where there is none."""
        found = self.get(name)
        return list(found) if isinstance(found, list) else []

    def map(self, name: str) -> dict[str, Any]:
        """Return a map, empty where there is none."""
        found = self.get(name)
        return dict(found) if isinstance(found, dict) else {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.value[self._names.setdefault(name.casefold(), name)] = value


def _label(made: _Fields, options: KustomizeOptions) -> None:
    if not options.common_labels:
        return
    forced = options.force_common_labels
    if not options.label_without_selector:
        had = made.map("commonLabels")
        pairs = options.common_labels
        made["commonLabels"] = _added(had, pairs, what="commonLabels", forced=forced)
        return
    labels = [_Fields(each) for each in made.entries("labels") if isinstance(each, dict)]
    templates = options.label_include_templates
    fitting = (
        each
        for each in labels
        if not each.get("includeSelectors") and bool(each.get("includeTemplates")) == templates
    )
    into = next(fitting, None)
    if into is None:
        into = _Fields({"includeTemplates": True} if templates else {})
        labels.append(into)
    into["pairs"] = _added(into.map("pairs"), options.common_labels, what="labels", forced=forced)
    made["labels"] = [each.value for each in labels]


def _added(
    had: Mapping[str, Any], pairs: Iterable[tuple[str, str]], *, what: str, forced: bool
) -> dict[str, Any]:
    """Return a map with more in it.

    Raises:
        RenderError: something is there already, and force* does not say that it may be overruled.
    """
    more = dict(pairs)
    both = sorted(had.keys() & more.keys())
    if both and not forced:
        force = "forceCommonAnnotations" if what == "commonAnnotations" else "forceCommonLabels"
        raise RenderError(
            f"{what} {both[0][:100]!r} is in the kustomization already",
            remedy=f"remove it there, or set kustomize.{force}",
        )
    return {**had, **more}


def _named(had: Iterable[Any], more: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return entries with more of them, which replace those of the same name."""
    new = {each["name"]: each for each in more}
    kept = [each for each in had if not isinstance(each, dict) or each.get("name") not in new]
    return [*kept, *new.values()]


def _images(had: list[Any], more: Iterable[dict[str, str]]) -> list[Any]:
    new = []
    for each in more:
        old: Mapping[str, Any] = next(
            (one for one in had if isinstance(one, dict) and one.get("name") == each["name"]), {}
        )
        kept = {
            key: str(old.get(key) or "") if value == _KEPT else value for key, value in each.items()
        }
        new.append({key: value for key, value in kept.items() if value})
    return _named(had, new)


def _image(text: str) -> dict[str, str]:
    """Read `name=new:tag@digest`, each part but the first one optional."""
    name, equals, new = text.partition("=")
    wanted = new if equals else name
    wanted, _, digest = wanted.partition("@")
    base, colon, tag = wanted.rpartition(":")
    if not colon or "/" in tag:
        base, tag = wanted, ""
    found = {"name": name if equals else base, "newTag": tag, "digest": digest}
    # Without a new name the image keeps the one that is in the manifests.
    return {
        key: value for key, value in {**found, "newName": base if equals else ""}.items() if value
    }
