"""Manifests as people write them, with the place of every sealed value: for hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

__all__ = ["Written", "manifests"]

KEYS = ("password", "user", "tls.key", "a-b", "yes", "1.5", "_x", "n", "ß-not", "with space")
COMMENTS = ("", "  # keep", "  # ключ: 😀", " #'\"{}[]&*")
EOLS = ("\n", "\r\n")


@dataclass
class Written:
    """A text that grows, and what it means.

    Args:
        values: (document, key) → text of the value as a YAML reader sees it.
        spans: (document, key) → place of the value as it is written.
    """

    text: str = ""
    values: dict = field(default_factory=dict)
    spans: dict = field(default_factory=dict)
    keys_at: dict = field(default_factory=dict)
    flow: bool = False

    def add(self, text):
        self.text += text


words = st.text("ABCDEFGHabcdefgh0123456789+/=", min_size=2, max_size=20).map(lambda t: "Ag" + t)


@st.composite
def manifests(draw):
    """A file of one to three SealedSecrets, in any of the ways to write one."""
    if draw(st.integers(0, 4)) == 0:
        return draw(json_manifests())
    eol = draw(st.sampled_from(EOLS))
    made = Written(draw(st.sampled_from(["", "\ufeff"])))
    made.add(draw(st.sampled_from(["", f"# top{eol}", f"---{eol}", f"# a{eol}{eol}--- # b{eol}"])))
    for document in range(draw(st.integers(1, 3))):
        if document:
            made.add(draw(st.sampled_from([f"---{eol}", f"...{eol}---{eol}# next{eol}"])))
        if draw(st.booleans()):
            draw(_flow_document(made, document, eol))
        else:
            draw(_block_document(made, document, eol))
    if draw(st.booleans()) and not made.text.rstrip("\r\n").endswith("|-"):
        made.add(draw(st.sampled_from([f"# end{eol}", "# end", eol])))
    else:
        made.text = made.text.removesuffix(eol)
    return made


@st.composite
def _block_document(draw, made, document, eol):
    step = draw(st.sampled_from([1, 2, 4]))
    one, two = " " * step, " " * 2 * step
    made.add(f"kind: SealedSecret{draw(st.sampled_from(COMMENTS))}{eol}metadata:{eol}")
    made.add(f"{one}name: s{document}{eol}")
    if draw(st.booleans()):
        made.add(f"{one}annotations:{eol}{two}other: 'x' # note{eol}")
    made.add(f"spec:{draw(st.sampled_from(COMMENTS))}{eol}")
    if draw(st.booleans()):
        made.add(f"{one}template: {{type: Opaque}}{eol}")
    made.add(f"{one}encryptedData:{draw(st.sampled_from(COMMENTS))}{eol}")
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True)):
        made.add(draw(st.sampled_from(["", f"{two}# about it{eol}", eol])))
        quote = draw(st.sampled_from("'\""))
        plain = key in ("password", "user", "tls.key", "a-b") and draw(st.booleans())
        start = len(made.text)
        made.add(f"{two}{key if plain else quote + key + quote}: ")
        draw(_block_value(made, (document, key), two + one, eol))
        made.add(draw(st.sampled_from(["", ""] if made.text.endswith("\0") else COMMENTS)))
        made.text = made.text.replace("\0", "") + eol
        made.keys_at[document, key] = (start, len(made.text))
    if draw(st.booleans()):
        made.add(f"{one}later: true{eol}")


@st.composite
def _block_value(draw, made, at, indent, eol):
    """A scalar; a block scalar ends with NUL, so that no comment follows it."""
    word, more = draw(words), draw(words)
    start = len(made.text)
    shown, value = draw(
        st.sampled_from(
            [
                (word, word),
                (f"'{word}'", word),
                (f'"{word}"', word),
                (f"!!str {word}", word),
                (f"|-{eol}{indent}{word}\0", word),
                (f"|- # hdr{eol}{indent}{word}{eol}{indent}{more}\0", f"{word}\n{more}"),
                (f">-{eol}{indent}{word}{eol}{indent}{more}\0", f"{word} {more}"),
                (f'"{word}\\{eol}{indent}{more}"', word + more),
            ]
        )
    )
    made.add(shown)
    made.values[at] = value
    made.spans[at] = (start, len(made.text.removesuffix("\0")))


@st.composite
def _flow_document(draw, made, document, eol):
    made.flow = True
    gap = draw(st.sampled_from(["", " ", f"{eol}  "]))
    made.add(f"{{kind: SealedSecret, metadata: {{name: s{document}}},{gap or ' '}")
    draw(_flow_items(made, document, gap, colon=": "))
    made.add(f"}}{draw(st.sampled_from(COMMENTS))}{eol}")


@st.composite
def json_manifests(draw):
    made = Written(flow=True)
    gap = draw(st.sampled_from(["", " ", "\n    ", "\n\t"]))
    colon = draw(st.sampled_from([":", ": "]))
    made.add(f'{{"kind"{colon}"SealedSecret","metadata"{colon}{{"name"{colon}"s0"}},')
    draw(_flow_items(made, 0, gap, colon=colon, quote='"'))
    made.add("}" + draw(st.sampled_from(["", "\n"])))
    return made


@st.composite
def _flow_items(draw, made, document, gap, colon, quote=None):
    name = quote or draw(st.sampled_from(["", '"']))
    made.add(f"{name}spec{name}{colon}{{{name}encryptedData{name}{colon}{{")
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    for number, key in enumerate(keys):
        made.add(f",{gap}" if number else gap)
        word, mark = draw(words), quote or draw(st.sampled_from("'\""))
        start = len(made.text)
        made.add(f"{mark}{key}{mark}{colon}")
        made.values[document, key] = word
        made.spans[document, key] = (len(made.text), len(made.text) + len(word) + 2)
        made.add(f"{mark}{word}{mark}")
        made.keys_at[document, key] = (start, len(made.text))
    made.add(f"{gap.rstrip(' ')}}}}}")
