"""Templates of ExternalSecrets: the table of the oracle test."""

# ruff: noqa: E501 - a template is one line, so that it can be read and searched for

from __future__ import annotations

from itertools import product

__all__ = ["DIFFERENT", "MAPS", "REPRESENTATIVE", "TEMPLATES"]

#: By the numbers of the list of templates that have to render.
REPRESENTATIVE: dict[str, str] = {
    "1": "{{ .password }}",
    "1-config": 'user: "{{ .user }}"\npassword: "{{ .password }}"\nhost: db\n',
    "2": "{{ .user | toString }}",
    "2-encoded": "{{ .password | b64enc }}",
    "2-decoded": "{{ .secret | b64dec }}",
    "3": "{{ .token | toString | upper }} was templated",
    "4": '{"auths":{"{{ .registryName | lower }}.{{ .registryHost }}":{"username":"{{ .registryName }}","password":"{{ .foo }}","auth":"{{ printf "%s:%s" .registryName .password | b64enc }}"}}}',
    "5": '{{ (printf "%s:%s" .username .password) | b64enc }}',
    "6": '{{ .dburl | replace "postgres://" "postgresql://" }}',
    "6-endpoint": '{{ .proxy_endpoint | replace "https://" "" }}',
    "7": '{{ index . "best-pokemon-src" | toString | upper }}',
    "8": "{{ (fromJson .name).first }} {{ (fromJson .name).last }}",
    "8-variable": "{{ $v := .object | fromJson }}{{ $v.foo | toJson }}",
    "9": "{{- range $key, $val := . }}{{- $json := $val | fromJson }}\n{{ $key }}: {{ if kindIs `map` $json }}{{ index $json `first` }}{{ end }}\n{{- end }}",
    "10": '{{- $creds := list }}{{- range $user, $pw := (dict "a" "b") }}{{- $creds = append $creds (printf "%s" (htpasswd $user $pw "sha")) }}{{- end }}auth: {{ $creds | join "\\n" | quote }}',
    "11": '{{ .mixed | filterPEM "CERTIFICATE" | filterCertChain "leaf" }}',
    "11-key": '{{ .mixed | filterPEM "PRIVATE KEY" }}',
    "12": "{{ .tls | b64dec | pkcs12key }}",
    "12-password": '{{ .modern | pkcs12certPass "pw" }}',
    "13": '{{ fullPemToPkcs12 (index . "chain" | toString) (index . "key" | toString) | b64dec | pkcs12cert }}',
    "14": "{{ .rsapublicjwk | jwkPublicKeyPem }}",
    "14-names": '{{ .leaf | certSANs | join "," }}',
    "14-first": "{{ index (.leaf | certSANs) 0 }}",
    "15": '{{ .rsa | rsaDecrypt "RSA-OAEP" "SHA1" (.sealed_b64 | b64dec) }}',
    "16": '{{- if hasPrefix "oci://" .uri }}oci{{- else }}other{{- end }}',
    "16-rewrite": 'ENV_{{ .uri | upper | replace "-" "_" }}',
    "16-time": '{{ if now }}last-sync-for-user/{{ .user }}{{ end }}: {{ now | date "2006" | len }}',
    "16-yaml": "{{ .yaml | fromYaml | toJson }}",
    "16-digest": "{{ .foo | sha256sum | hexdec | b64enc }}",
}

_PEMS = [
    "chain",
    "reversed",
    "leaf",
    "root",
    "two",
    "bare",
    "mixed",
    "inline",
    "windows",
    "spaced",
    "headers",
    "broken",
    "empty",
    "foo",
    "rsa",
]
_PEM_TEMPLATES = tuple(
    f"{{{{ .{name} | {call} }}}}"
    for name, call in product(
        _PEMS,
        (
            "filterPEM `certificate`",
            "filterPEM `X`",
            "filterPEM `PRIVATE KEY`",
            "filterCertChain `leaf`",
            "filterCertChain `intermediate`",
            "filterCertChain `root`",
            "filterCertChain `other`",
            "certSANs | join `,`",
        ),
    )
)
_JWKS = [
    "rsajwk",
    "rsapublicjwk",
    "ecjwk",
    "ecpublicjwk",
    "okpjwk",
    "okppublicjwk",
    "octjwk",
    "badjwk",
    "json",
    "foo",
    "empty",
]
_JWK_TEMPLATES = tuple(
    f"{{{{ .{name} | {call} }}}}"
    for name, call in product(_JWKS, ("jwkPublicKeyPem", "jwkPrivateKeyPem"))
)
_RSA_TEMPLATES = tuple(
    f"{{{{ .{key} | rsaDecrypt `RSA-OAEP` `{digest}` .sealed{sealed} | b64enc }}}}"
    for key, digest, sealed in product(
        ("rsa", "pkcs1", "sec1", "foo", "leaf"),
        ("SHA1", "SHA256", "SHA512", "None"),
        ("1", "256", "512"),
    )
)
_STORES = tuple(
    f"{{{{ .{name} | {call} }}}}"
    for name, call in product(
        ("modern", "triple", "legacy", "open", "tls", "foo", "empty", "binary"),
        (
            "pkcs12certPass `pw`",
            "pkcs12keyPass `pw`",
            "pkcs12cert",
            "pkcs12key",
            "pkcs12keyPass `no`",
        ),
    )
)
_MADE = tuple(
    f"{{{{ {made} | b64dec | {read} }}}}"
    for made, read in product(
        (
            "pemToPkcs12Pass .leaf .key `pw`",
            "fullPemToPkcs12Pass .chain .key `pw`",
            "fullPemToPkcs12Pass .reversed .key `pw`",
            "pemToPkcs12Pass .leaf .rsa `pw`",
            "pemToPkcs12Pass .leaf .sec1 `pw`",
            "pemToPkcs12 .leaf .key",
            "pemToPkcs12 .foo .key",
            "pemToPkcs12 .leaf .foo",
            "pemToPkcs12 .leaf .leaf",
            "fullPemToPkcs12 .spaced .key",
            "fullPemToPkcs12 .mixed .key",
            "pemTruststoreToPKCS12Pass .chain `pw`",
            "pemTruststoreToPKCS12 .foo",
        ),
        ("pkcs12certPass `pw`", "pkcs12keyPass `pw`", "pkcs12cert"),
    )
)

TEMPLATES: tuple[str, ...] = (
    *REPRESENTATIVE.values(),
    *_PEM_TEMPLATES,
    *_JWK_TEMPLATES,
    *_RSA_TEMPLATES,
    *_STORES,
    *_MADE,
    # A key that is missing
    "{{ .missing }}",
    "{{ if .missing }}{{ end }}",
    "{{ .missing | default `x` }}",
    "{{ $.missing }}",
    "{{ (fromJson .json).none }}",
    "{{ (fromJson .json).deep.x.y }} {{ (fromJson .json).deep.none }}",
    '{{ index . "missing" }}|{{ index (fromJson .json) "none" }}',
    "{{ with .missing }}{{ end }}",
    "{{ range .missing }}{{ end }}",
    "{{ hasKey (fromJson .json) `none` }} {{ get (fromJson .json) `none` }}",
    "{{ (dict `a` 1).b }}",
    # Its functions
    "{{ htpasswd `user` `pass` `sha` }}",
    "{{ htpasswd `us:er` `pass` `sha` }}",
    "{{ htpasswd `user` `pass` }}",
    "{{ hexdec .hex }} {{ hexdec `zz` }} {{ hexdec `abc` }} {{ hexdec `` }} {{ hexdec `a'` }} {{ hexdec `aé` }}",
    "{{ hexdec .password }}",
    "{{ hexdec 1 }}",
    "{{ env `HOME` }}",
    "{{ expandenv `$HOME` }}",
    "{{ getHostByName `localhost` }}",
    "{{ include `x` . }}",
    "{{ required `x` .foo }}",
    "{{ filterPEM .foo }}",
    "{{ rsaDecrypt `None` `` .foo .foo }}",
    "{{ rsaDecrypt `other` `` .foo .foo }}",
    # YAML
    "{{ toYaml .foo }} {{ toYaml 1 }} {{ toYaml 1.5 }} {{ toYaml true }} {{ toYaml nil }}",
    "{{ toYaml (list) }} {{ toYaml (dict) }} {{ toYaml (list 1 `a` (list 2 (list)) (dict `k` (list 1))) }}",
    "{{ .json | fromJson | toYaml }}",
    "{{ .yaml | fromYaml | toYaml }}",
    "{{ .lines | toYaml }}|{{ `a\n` | toYaml }}|{{ `a\n\n` | toYaml }}|{{ ` a\nb` | toYaml }}",
    "{{ list `yes` `no` `on` `y` `N` `null` `~` `` `true` | toYaml }}",
    "{{ list `1` `0x1f` `0777` `0o7` `1e3` `1_0` `.5` `.inf` `.NaN` `-` `+1` `1.` `0b1` | toYaml }}",
    "{{ list `2001-01-01` `2001-12-14t21:59:43.10-05:00` `12:30` `12:30:45` `1:2:3.5` | toYaml }}",
    "{{ list `a: b` `a #b` `#a` `- a` `? a` `: a` `a:` `@a` `%a` `&a` `*a` `!a` `|` `>` `{a}` `[a]` `a,b` `<<` `=` | toYaml }}",
    "{{ list ` a` `a ` `'a'` `a'b` `a\\\\b` `---` `...` `a\tb` `\ta` | toYaml }}",
    '{{ list "a\\"b" "\\x01" "a\\r\\nb" "é ü" "😀" "a\\tb\\nc" "\\n" | toYaml }}',
    "{{ repeat 30 `word ` | toYaml }}",
    "{{ repeat 120 `x` | toYaml }}",
    "{{ dict `b` 1 `a` 2 `a10` 3 `a9` 4 `A` 5 `_` 6 `1` 7 `10` 8 `9` 9 | toYaml }}",
    "{{ dict `yes` `no` `null` nil `1` 1 | toYaml }}",
    '{{ (fromJson `{"n":1,"big":12345678901234567890,"e":1e21,"s":0.00001,"f":123456789.5,"z":-0.0}`) | toYaml }}',
    "{{ .unicode | toYaml }} {{ .binary | toYaml }}",
    "{{ `a: 1\nb: [1, x]\nc: {d: ~}\n` | fromYaml }}",
    "{{ `a: 1\na: 2` | fromYaml | toJson }}",
    "{{ `x: &a {b: 1}\ny: *a\nz: {<<: *a, c: 2}` | fromYaml | toJson }}",
    "{{ `1: a\n1.5: b\ntrue: c` | fromYaml | toJson }}",
    "{{ `` | fromYaml | toJson }} {{ `---\na: 1\n---\nb: 2` | fromYaml | toJson }} {{ `{a: 1}` | fromYaml | toJson }}",
    "{{ hasKey (`- a` | fromYaml) `Error` }} {{ hasKey (`a: b: c` | fromYaml) `Error` }}",
    "{{ (`a: 0x1f\nb: 0777\nc: 1_000\nd: 1e3` | fromYaml) | toJson }}",
    "{{ .yaml | fromYaml | toYaml | fromYaml | toJson }}",
    "{{ (fromYaml .yaml).a }} {{ (fromYaml .yaml).missing }}",
    "{{ .foo | fromYaml }}",
    # Whole files
    "{{ range $k, $v := (.yaml | fromYaml) }}{{ $k }}={{ $v | toJson }}\n{{ end }}",
    "{{ define `auth` }}{{ .u }}:{{ .p }}{{ end }}{{ template `auth` (dict `u` .user `p` .foo) }}",
    "spring.datasource.url={{ .dburl }}\nspring.datasource.password={{ .password }}\n",
    "{{- $c := .chain | filterPEM `CERTIFICATE` }}{{ $c | filterCertChain `leaf` }}{{ $c | filterCertChain `intermediate` }}",
    "tls.crt: |\n{{ .chain | indent 2 }}\n",
)

#: Texts that `KeysAndValues` and literals render to, before they are read as a map.
MAPS: tuple[str, ...] = (
    "",
    "a: b",
    "executed-{{ .foo }}: {{ .user }}",
    "{{ range $k, $v := (fromJson .name) }}{{ $k }}: {{ $v }}\n{{ end }}",
    "{{- range $key, $val := (dict `x` .foo) }}\n{{ $key }}: {{ $val }}\n{{- end }}",
    "a: {{ .password | quote }}\nb: {{ .password }}",
    "a: 1\nb: 1.0\nc: 1e6\nd: 123456789.25\ne: 0x1f\nf: 0777\ng: 1_000\nh: 1e21\ni: 0.0001\nj: 0.00001",
    "a: yes\nb: null\nc:\nd: ~\ne: 'x'\nf: \"y\\n\"",
    "a: 2001-01-01\nb: 12:30:45\nc: -0.0\nd: 18446744073709551615\ne: 18446744073709551616",
    "1: a\ntrue: b\n1.5: c",
    "a: |\n{{ .lines | indent 2 }}\nb: >\n  x\n  y\n",
    "a: [1]",
    "a: {b: c}",
    "- a",
    "x",
    "~: a",
    "a: 1\na: 2",
    "a: &x 1\nb: *x",
    "<<: {a: 1}\nb: 2",
    "---\na: 1\n---\nb: 2",
    "a: b: c",
    "\ta: 1",
    "a: 1\n\tb: 2",
    "{a: 1, b: two}",
    '{"a": "b", "c": 1}',
    "# only a comment",
    "{{ . | toYaml }}",
)

#: What differs from Go, and why it stays so.
DIFFERENT: tuple[tuple[str, str], ...] = (
    ("{{ htpasswd `user` `pass` `bcrypt` }}", "the salt differs, and the prefix: $2b$ for $2a$"),
    ("{{ htpasswd `user` `pass` .foo }}", "Go takes a constant only; here any text will do"),
    ("{{ pemToPkcs12Pass .leaf .key `pw` }}", "salts: here the same parts give the same bytes"),
    ("{{ pemTruststoreToPKCS12 .empty }}", "a truststore of nothing is refused"),
    ("{{ `a: .inf\nb: 1` | fromYaml }}", "the words of the error differ"),
    ("{{ `a: .inf` | fromYaml | toJson }}", "the words of the error differ"),
    ("{{ `a: !foo b` | fromYaml | toJson }}", "custom tags are refused"),
    ('{{ "a\\u0085b" | toYaml }}', "libyaml escapes a next-line character"),
    ("{{ nil | toYaml }}", "Go takes no nil as the start of a chain"),
    ('{{ "a\\u007f" | toYaml }}', "Go gives nothing where YAML wants an escape"),
    ("{{ printf `%s` (dict `a` `b`) }}", "the verb is not handed down into a map"),
    ("{{ certSANs .leaf | typeOf }}", "Go tells []string from []interface {}"),
)
