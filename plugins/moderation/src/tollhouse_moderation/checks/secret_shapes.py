"""Shapes of credentials that their issuers made easy to tell."""

# ruff: noqa: E501  (an expression reads best in one line)

from __future__ import annotations

SHAPES: tuple[tuple[str, str, str], ...] = (
    ("PRIVATE_KEY", "-----BEGIN", r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]{0,1000}[^-]{0,1000}[^-]{0,1000}[^-]{0,900}(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"),
    ("API_KEY", "sk-", r"\bsk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{16,240}"),
    ("API_KEY", "AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("API_KEY", "gsk_", r"\bgsk_[A-Za-z0-9]{40,64}\b"),
    ("API_KEY", "hf_", r"\bhf_[A-Za-z0-9]{30,50}\b"),
    ("API_KEY", "xai-", r"\bxai-[A-Za-z0-9]{60,100}\b"),
    ("API_KEY", "r8_", r"\br8_[A-Za-z0-9]{37,40}\b"),
    ("API_KEY", "pplx-", r"\bpplx-[A-Za-z0-9]{40,60}\b"),
    ("AWS_KEY", "A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("AWS_KEY", "ABSK", r"\bABSK[A-Za-z0-9+/]{100,280}={0,2}"),
    ("TOKEN", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,250}\b"),
    ("TOKEN", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{60,100}\b"),
    ("TOKEN", "gl", r"\bgl(?:pat|ptt|rt|dt|soat|ft|imt|agent|cbt)-[A-Za-z0-9_-]{20,60}"),
    ("TOKEN", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    ("TOKEN", "xapp-", r"\bxapp-[0-9]-[A-Z0-9]{8,20}-[0-9]{8,20}-[a-z0-9]{32,80}\b"),
    ("TOKEN", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,80}"),
    ("TOKEN", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("TOKEN", "pypi-", r"\bpypi-[A-Za-z0-9_-]{50,400}"),
    ("TOKEN", "dckr_", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40}"),
    ("TOKEN", "dop_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("TOKEN", "shp", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    ("TOKEN", "eyJ", r"\beyJ[A-Za-z0-9_-]{8,600}\.eyJ[A-Za-z0-9_-]{8,1000}[A-Za-z0-9_-]{0,1000}\.[A-Za-z0-9_-]{10,900}"),
    ("TOKEN", "glsa_", r"\bglsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}\b"),
    ("TOKEN", "hvs.", r"\bhvs\.[A-Za-z0-9_-]{24,250}"),
    ("TOKEN", "ya29.", r"\bya29\.[A-Za-z0-9_-]{30,400}"),
    ("TOKEN", "lin_api_", r"\blin_api_[A-Za-z0-9]{40}\b"),
    ("TOKEN", "PMAK-", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    ("TOKEN", "SG.", r"\bSG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
    ("PAYMENT_KEY", "k_", r"\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,120}\b"),
    ("PAYMENT_KEY", "sq0", r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,60}"),
    ("PASSWORD", "://", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/?#@]{0,64}:([^\s/@:]{3,128})@"),
)  # fmt: skip
"""The kind, a word that every match contains, and the expression; its group, if any, is the secret."""
