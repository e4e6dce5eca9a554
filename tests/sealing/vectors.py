"""Values that kubeseal v0.40.0 sealed for `kit.vector_key`."""

from __future__ import annotations

from sealing import Scope

STRICT = (
    "AQBillxRBaJtWZaFtlXDRi61vnMpLc4zqXmD4Gf1u0e2nYVgeMy+v6xPAjBqu2txiiJjueDshUDP5brHZLt89k4FGcO1"
    "vAQcCKrNOSL89VWkH2xxqoMaX8YNJ9oyw41FzpxE2di15K5SAyTiyVxEVYouE4uh4gl86L0k0VxQzzKt+iKsNZTEswLG"
    "7/HpXWo+gDbWtNg+gQP/5siQLaVQt/nBZMeLfTOB89UA7v9IO4DHE1XjkO3L9sl5JD8YMR+LXXrQ7r0YVHSd6sH8Dull"
    "xbwp+QiQg/TIRHpRGcJwObo6a5u5IbaKI3xABxfcOJh/d1HInunrQld68e+MoSMwb+iMfzM9zommmNDc0QTG79OW3XvN"
    "cOZ4Z3c="
)
NAMESPACE_WIDE = (
    "AQAxqx8rORhLuPnQwlu5wSoOpnQsq53t0H3j/Rm9W/r1YtLZyfMTWRfaT/uSOxuNyqb9s9jsYdIqLDUqPD392Bc6qzSU"
    "/QAixS+g54g8fJjUi/0HAx+uSX00owYP/g11ejaek/QEtnaHoHYuL8J9T8Il8m/c+Ij7tYtAoMxskG3sxMtkFQYEUVJ0"
    "jDp8OjD43kd/z3Z3wtkR657VyuSaq4vMNGD8cNLcPY3WGNIlBow8SAShvOtLV6kyzTrP0FSPP82GJKqXf3m1FnGp9F5q"
    "7kgg2NiY6fsltx6W5oPBrQMliohvkJ+bth91Bax1XFTTnWJAViM6TwVOgin3sHQmIAzsRjoSeBgnneArHoo/7FNvrlSe"
    "J05SJn8="
)
CLUSTER_WIDE = (
    "AQBz+nK3BOQDcA0R0wtvAUk65v5DSOh9Thtlrq5re1PmJdMZ46Agz59xxaTHpvALatSuKI2BkxUck5ElCfGeIfX9arzc"
    "3Soz/t0KzHKJPuK5hbmdSYPxgOIt/3W3DCR2aRc0feW6GBGAAOI2tktTCHVABR65Xlo5TCaPPP8MuMBKr9R/3ydDpGdK"
    "Zq1wQw7jSUVjBigPEJd49g/bq20U1Fo8qRmTI7a35z3pToV2qa2Dgre+B3YPusS6jOw5rnAIzTjNBcfadCYR/QoULtSe"
    "Jh3CMK6UuG1v4iJX5D+mkFrYH8FVX4D33akTR3FcBMnGDEo1zMCPtgktiGj0oacj6Mwf14HlKmlvUz4Zsw23QKz9KQ=="
)

#: Scope → base64 and plaintext; the place is namespace myns, name mysecret.
VECTORS = {
    Scope.STRICT: (STRICT, b"hunter2"),
    Scope.NAMESPACE_WIDE: (NAMESPACE_WIDE, b"hunter2"),
    Scope.CLUSTER_WIDE: (CLUSTER_WIDE, b""),
}
