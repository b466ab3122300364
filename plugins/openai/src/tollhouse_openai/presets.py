"""The hosts that speak OpenAI's dialect, as a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """What is particular about one kind of host."""

    base_url: str
    """With its version; empty when every account has its own."""
    variable: str
    """The environment variable its own documentation keeps the key in."""
    key: bool = True
    """Whether it refuses calls without a key."""
    ask_usage: bool = True
    """Whether it takes `stream_options`."""
    limit_field: str = "max_completion_tokens"
    """What it calls the most tokens an answer may have, for requests translated from another dialect."""
    responses: bool = False
    """Whether it speaks responses (`/responses`) beside chat completions."""
    completions: bool = False
    """Whether it speaks plain completions (`/completions`)."""
    model: str = ""
    """A model to begin with; empty for a host that nobody begins with."""


PRESETS: dict[str, Preset] = {
    "openai": Preset(
        "https://api.openai.com/v1", "OPENAI_API_KEY", responses=True, completions=True, model="gpt-4o-mini"
    ),
    "azure": Preset("", "AZURE_OPENAI_API_KEY", responses=True, completions=True),
    "alibaba": Preset(
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY", limit_field="max_tokens"
    ),
    "cerebras": Preset("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepinfra": Preset(
        "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY", limit_field="max_tokens", completions=True
    ),
    "deepseek": Preset(
        "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", limit_field="max_tokens", model="deepseek-chat"
    ),
    "fireworks": Preset(
        "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", limit_field="max_tokens", completions=True
    ),
    "github": Preset("https://models.github.ai/inference", "GITHUB_TOKEN", limit_field="max_tokens"),
    "groq": Preset("https://api.groq.com/openai/v1", "GROQ_API_KEY", model="llama-3.3-70b-versatile"),
    "huggingface": Preset("https://router.huggingface.co/v1", "HF_TOKEN", limit_field="max_tokens"),
    "llamacpp": Preset(
        "http://127.0.0.1:8080/v1", "LLAMACPP_API_KEY", key=False, limit_field="max_tokens", completions=True
    ),
    "lmstudio": Preset(
        "http://127.0.0.1:1234/v1", "LMSTUDIO_API_KEY", key=False, limit_field="max_tokens", completions=True
    ),
    "mistral": Preset(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        ask_usage=False,
        limit_field="max_tokens",
        model="mistral-small-latest",
    ),
    "moonshot": Preset("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", limit_field="max_tokens"),
    "nvidia": Preset("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", limit_field="max_tokens"),
    "ollama": Preset(
        "http://127.0.0.1:11434/v1", "OLLAMA_API_KEY", key=False, limit_field="max_tokens", completions=True
    ),
    "openrouter": Preset(
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        limit_field="max_tokens",
        responses=True,
        completions=True,
        model="openai/gpt-4o-mini",
    ),
    "perplexity": Preset("https://api.perplexity.ai", "PERPLEXITY_API_KEY", ask_usage=False, limit_field="max_tokens"),
    "sambanova": Preset("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", limit_field="max_tokens"),
    "together": Preset("https://api.together.xyz/v1", "TOGETHER_API_KEY", limit_field="max_tokens", completions=True),
    "vllm": Preset("http://127.0.0.1:8000/v1", "VLLM_API_KEY", key=False, limit_field="max_tokens", completions=True),
    "voyage": Preset("https://api.voyageai.com/v1", "VOYAGE_API_KEY", limit_field="max_tokens"),
    "xai": Preset("https://api.x.ai/v1", "XAI_API_KEY", responses=True),
    "zai": Preset("https://api.z.ai/api/paas/v4", "ZAI_API_KEY", limit_field="max_tokens"),
}
"""By the name of the kind: `[providers.NAME]` of the same name needs no `kind`."""
