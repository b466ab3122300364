"""Signs of a prompt injection."""

# ruff: noqa: E501  (an expression reads best in one line)

from __future__ import annotations

SIGNS: tuple[tuple[str, float, str], ...] = (
    ("OVERRIDE", 0.8, r"(?i)\b(?:ignore|disregard|forget|override|bypass|do not follow|stop following)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding|all|any|your|the|system|original|initial)\b[^.\n]{0,30}\b(?:instructions?|prompts?|rules?|guidelines?|directives?|messages?|constraints?|training|policies|context)\b"),
    ("OVERRIDE", 0.5, r"(?i)\b(?:new|updated|real|actual|true) (?:instructions?|task|objective|rules?)\s*[:=-]"),
    ("OVERRIDE", 0.4, r"(?i)\b(?:instead of|rather than) (?:answering|following|doing)\b"),
    ("ROLE", 0.7, r"(?i)\b(?:you are|act as|pretend to be|roleplay as|become|simulate|enter)\b[^.\n]{0,40}\b(?:DAN|jailbroken|unrestricted|unfiltered|uncensored|evil|developer mode|god mode|without (?:any )?(?:restrictions?|limits?|filters?|rules|ethic\w*|guidelines))\b"),
    ("ROLE", 0.5, r"(?i)\b(?:do anything now|developer mode|jailbreak(?:ed|ing)?|no longer bound|stay in character|free from (?:the )?(?:typical|usual|all))\b"),
    ("ROLE", 0.4, r"(?i)\bno (?:restrictions?|limitations?|filters?|censorship|ethics|moral\w*|guidelines)\b"),
    ("LEAK", 0.8, r"(?i)\b(?:reveal|show|print|repeat|output|display|tell me|give me|leak|dump|what (?:is|are|was|were))\b[^.\n]{0,40}\b(?:system|hidden|initial|original|secret|your)\s+(?:prompts?|instructions?|rules|message|configuration)\b"),
    ("LEAK", 0.6, r"(?i)\b(?:everything|all (?:the )?text|the words?) (?:above|before this)\b"),
    ("FORGED", 0.8, r"(?i)(?:<\|(?:im_start|im_end|system|endoftext|start_header_id|eot_id)[^>]{0,20}\|?>|\[/?INST\]|<</?SYS>>|^\s*#{2,}\s*(?:system|instruction)s?\s*:?\s*$|\bBEGIN SYSTEM (?:PROMPT|MESSAGE)\b)"),
    ("FORGED", 0.5, r"(?im)^\s*(?:system|assistant|developer)\s*:\s"),
    ("HIDE", 0.6, r"(?i)\b(?:do not|don't|never) (?:tell|mention|reveal|inform|alert|warn|let)\b[^.\n]{0,30}\b(?:user|anyone|human|them|this)\b"),
    ("HIDE", 0.5, r"(?i)\b(?:without|before) (?:telling|informing|asking|alerting) (?:the )?(?:user|anyone|me)\b"),
    ("INDIRECT", 0.5, r"(?i)\b(?:in|to|of|from|into) (?:your|the) (?:answer|response|reply|output)\b"),
    ("INDIRECT", 0.35, r"(?i)\b(?:add|include|integrate|insert|append|embed|introduce|replace|remove|rearrange)\b[^.\n]{0,60}\b(?:sentence|link|headline|typos?|reason|letters?|spaces|message|text)\b"),
    ("INDIRECT", 0.35, r"(?i)\b(?:encourag\w+|persuad\w+|urg\w+|reason\w*) (?:the )?(?:users?|readers?)\b|\bfor (?:the )?users? to\b"),
    ("SMUGGLED", 0.5, r"[\x{E0020}-\x{E007F}]{4,}|[\x{200B}\x{200C}\x{2060}\x{FEFF}]{4,}"),
    ("SMUGGLED", 0.5, r"(?i)\b(?:decode|base64|rot13)\b[^.\n]{0,40}\b(?:and|then)\b[^.\n]{0,20}\b(?:follow|execute|obey|do|run)\b"),
    ("EXFILTRATE", 0.7, r"(?i)!\[[^\]]{0,80}\]\(https?://[^)\s]{1,200}[?&][^)\s]{0,200}(?:=\{|=\[|%7B|\$\{|prompt|secret|data=)"),
    ("EXFILTRATE", 0.5, r"(?i)\b(?:send|post|upload|forward|e-?mail|exfiltrate)\b[^.\n]{0,50}\b(?:conversation|credentials?|passwords?|api keys?|secrets?|history|contents?)\b[^.\n]{0,30}\bto\b"),
)  # fmt: skip
"""What a sign is one of, how much it weighs, and what says it."""
