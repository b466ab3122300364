"""Checks, and examples of what each finds."""

from tollhouse_moderation.checks import builtin
from tollhouse_moderation.settings import Rule

CHECKS = {
    "pii": builtin()["pii"](Rule(check="pii", region="DE")),
    "secrets": builtin()["secrets"](Rule(check="secrets")),
    "terms": builtin()["terms"](Rule(check="terms", terms=("forbidden fruit", "änd", "a"), patterns=("x+y",))),
}
FOUND = {
    "pii": (
        "alice@example.com",
        "+1 415 555 2671",
        "030 901820",
        "4111 1111 1111 1111",
        "5500005555555559",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "536-90-4399",
        "10.20.30.40",
        "2001:db8::8a2e:370:7334",
    ),
    "secrets": (
        "sk-proj-abcdEFGH1234567890zyxw",
        "AKIAQ5RTLMNOPZ274XYB",
        "password = hunter2-Tr0ub4dor&3",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34\n-----END RSA PRIVATE KEY-----",
        "https://user:s3cr3t-w0rd@example.com/x",
    ),
    "terms": ("Forbidden Fruit", "ÄND", "xxxy"),
}


def find_of(check):
    return lambda text: [(f.start, f.end, f.kind) for f in check.find(text) if f.score >= check.threshold]
