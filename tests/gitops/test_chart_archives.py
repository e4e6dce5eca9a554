"""Packed charts: only plain files, within limits, and all or nothing."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from secretsync.gitops.errors import (
    SourceError,
)
from secretsync.gitops.sources.chart_archives import MAX_UNPACKED_BYTES, unpack_archive


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue())


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def sparse(name: str) -> tarfile.TarInfo:
    made = member(name)
    fields = {"major": "1", "minor": "0", "name": name, "realsize": str(2**43)}
    made.pax_headers = {f"GNU.sparse.{key}": value for key, value in fields.items()}
    return made


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (b"no archive", "is no archive"),
        (b"", "is no archive"),
        (gzip.compress(b"no tar" * 200), "is no archive"),
        (archive((member("web/a"), b"a"))[:-20], "is no archive"),
        (archive((member("web/../../a"), b"a")), "outside"),
        (archive((member("/etc/a"), b"a")), "no plain file"),
        (archive((member("web/a", tarfile.SYMTYPE, "/etc/passwd"), b"")), "no plain file"),
        (archive((member("web/a", tarfile.LNKTYPE, "web/b"), b"")), "no plain file"),
        (archive((member("web/a", tarfile.FIFOTYPE), b"")), "no plain file"),
        (archive((sparse("web/a"), b"0\n" + bytes(510))), "no plain file"),
        (gzip.compress(bytes(MAX_UNPACKED_BYTES + 1)), "more than 100 MiB"),
        (archive(*((member(f"web/{n}"), b"") for n in range(20_001))), "more than 20000 files"),
    ],
    ids=[
        *(
            "text",
            "empty",
            "no tar",
            "half",
            "climbs",
            "absolute",
            "link",
            "hard link",
            "pipe",
            "sparse",
        ),
        *("bomb", "many"),
    ],
)
def test_archive_with_anything_but_its_files_is_refused_whole(
    tmp_path: Path, packed: bytes, said: str
) -> None:
    (tmp_path / "into").mkdir()
    with pytest.raises(SourceError, match=said):
        unpack_archive(packed, tmp_path / "into", name="the chart")
    assert list((tmp_path / "into").iterdir()) == []
