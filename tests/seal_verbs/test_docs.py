"""What people read about the verbs is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from secretsync.cli.seal.findings import RULES
from secretsync.cli.seal.verbs import VERBS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sealing.md").read_text()


def test_page_lists_each_rule_with_its_level_and_no_other():
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (error|warning) \|", PAGE, re.MULTILINE))
    assert listed == {rule: str(RULES[rule].level) for rule in RULES}


def test_page_names_each_verb():
    assert [verb for verb in VERBS if f"`{verb}" not in PAGE] == []
