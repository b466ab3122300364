"""What `demo` has to say about Tollhouse, and what `thinker` thinks before it says so."""

from __future__ import annotations

import re
from random import Random

from .counting import split

THOUGHTS = (
    "Let me read the question again before I answer. ",
    "What is really being asked, and what would be most useful to know? ",
    "I should separate what I know from what I would have to guess. ",
    "There are a few ways to put this; the shortest is probably the best. ",
    "A small example may say more than a long explanation. ",
    "One more look at the details, so that nothing is left out. ",
    "That holds together, so I can write the answer now. ",
)
"""A model's thinking, in order."""

_TEXTS = {
    "hello hi hey test who what tollhouse": (
        "Hello! You have reached Tollhouse, a gateway that stands between your programs and the "
        "language models they use. Your client changed one base URL, and this answer came the "
        "whole way back through the gateway: the same journey a real model's answer takes. I am "
        "its simulator, so I need no key, no network and no budget. When you are ready for a real"
        " model, add its provider and key to gateway.toml and name it in [models]."
    ),
    "plugin plugins hook hooks extend write own custom how": (
        "Everything Tollhouse does for a request is done by plugins; the core only knows the "
        "journey. A request is authenticated, admitted, routed, sent to a provider and relayed "
        "back, and at each of these points a plugin may speak by implementing a hook. A plugin is"
        " an ordinary Python class, and a provider of your own can be a single file of some "
        "twenty lines, listed by its path in gateway.toml."
    ),
    "stream streaming token tokens fast slow latency speed": (
        "What you are reading arrives token by token, at the pace set by tokens_per_second, after"
        " the pause set by ttft. Ask without streaming and the same words come in one piece, with"
        " the same usage counted. When caller and provider speak the same dialect, Tollhouse "
        "forwards a stream's bytes as they are, and still notices when one ends too early."
    ),
    "fail failure error errors fault faults retry failover broken down timeout": (
        "Things go wrong with real providers, and I can act it out. Put [[fault: status=503 "
        "retry_after=2]] into a message and I will refuse like an overloaded server; with "
        "cut_after=5 my answer breaks off after five tokens, and with stall it never comes. That "
        "makes it easy to see what your client and your gateway do on a bad day, without waiting "
        "for one."
    ),
    "tool tools function json schema structured think thinking reasoning embed embeddings model models": (
        "There are six of me. echo repeats what you say, lorem writes prose of any length, demo "
        "talks about Tollhouse, thinker reasons before it does the same, tools calls the "
        "functions you offer, and embed turns texts into vectors. All who talk fill in a JSON "
        "schema when you ask for structured output, and call a tool when you insist."
    ),
}
"""Texts by the words that call for them."""


def demo(random: Random, question: str) -> list[str]:
    """A text that fits the question, or one by chance, split into tokens."""
    asked = set(re.findall("[a-z]+", question.lower()))
    fitting = {text: len(asked.intersection(topics.split())) for topics, text in _TEXTS.items()}
    most = max(fitting.values())
    return split(random.choice([text for text, score in fitting.items() if score == most]))
