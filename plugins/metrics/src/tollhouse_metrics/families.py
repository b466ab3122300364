"""Every metric there is; the buckets of `gen_ai_*` are those OpenTelemetry's GenAI conventions advise."""

from __future__ import annotations

from .family import Family, counter, gauge, histogram

DURATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(25.0, 60.0),
)
PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
TOKENS = tuple(float(4**power) for power in range(14))

TARGET = ("model", "provider", "target_model")
GENAI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")

REQUESTS = counter(
    "tollhouse_requests_total",
    "Requests that ended, by outcome.",
    *("model", "dialect", "task", "outcome", "status"),
)
REQUEST_SECONDS = histogram(
    "tollhouse_request_duration_seconds",
    "From a request's first byte to its end, as its caller saw it.",
    DURATION,
    *("model", "outcome"),
)
FIRST_CONTENT = histogram(
    "tollhouse_first_content_seconds",
    "From a streamed request to its first content, as its caller saw it.",
    FIRST_TOKEN,
    "model",
)
ERRORS = counter("tollhouse_errors_total", "Requests that ended with an error, by its code.", "code")
PHASES = counter("tollhouse_phase_seconds_total", "Time requests spent in each phase of their journey.", "phase")
IN_FLIGHT = gauge(
    "tollhouse_requests_in_flight",
    "Requests under way: `waiting` before any attempt, in a queue or a plugin; `upstream` before content; `answering`.",
    "state",
)

ATTEMPTS = counter(
    "tollhouse_attempts_total",
    "Tries of a target, by how they ended; `error` is the kind of failure.",
    *(*TARGET, "state", "error"),
)
TOKENS_TOTAL = counter("tollhouse_tokens_total", "Tokens of all attempts, by usage bucket.", *TARGET, "bucket")
COST = counter(
    "tollhouse_cost_usd_total",
    "What attempts with a price cost, in USD, by usage bucket; `request` is what an attempt costs beside its tokens.",
    *(*TARGET, "bucket"),
)
UNPRICED = counter("tollhouse_unpriced_attempts_total", "Attempts with usage that nobody had a price for.", *TARGET)
SAVED = counter("tollhouse_saved_usd_total", "What cached answers did not cost, in USD.", "model")

TEAM_REQUESTS = counter("tollhouse_team_requests_total", "Requests that ended, by team.", "team", "outcome")
TEAM_TOKENS = counter("tollhouse_team_tokens_total", "Tokens, by team and usage bucket.", "team", "bucket")
TEAM_COST = counter("tollhouse_team_cost_usd_total", "What requests cost, in USD, by team.", "team")

OPERATION_SECONDS = histogram(
    "gen_ai_client_operation_duration_seconds", "Duration of one attempt.", DURATION, *GENAI, "error_type"
)
TOKEN_USAGE = histogram(
    "gen_ai_client_token_usage", "Tokens of one attempt, input or output.", TOKENS, *GENAI, "gen_ai_token_type"
)
TIME_TO_FIRST = histogram(
    "gen_ai_server_time_to_first_token_seconds", "Until the first content of a streamed attempt.", FIRST_TOKEN, *GENAI
)
TIME_PER_TOKEN = histogram(
    "gen_ai_server_time_per_output_token_seconds",
    "Time for each output token after the first, of streamed attempts that won.",
    PER_TOKEN,
    *GENAI,
)

RESULTS = counter("tollhouse_plugin_results_total", "What plugins said of requests.", "plugin", "result")
REFUSED = counter(
    "tollhouse_demands_refused_total",
    "Limits and budgets that were full, by the plugin they belong to; `shadow` ones let the request pass.",
    *("plugin", "shadow"),
)
PLUGIN_ERRORS = counter("tollhouse_plugin_errors_total", "Failures of plugins in a hook.", "plugin", "hook")
HOOK_CALLS = counter("tollhouse_hook_calls_total", "Calls of hooks, while they are measured.", "plugin", "hook")
HOOK_SECONDS = counter("tollhouse_hook_seconds_total", "Time in hooks, while they are measured.", "plugin", "hook")

TARGET_UP = gauge(
    "tollhouse_target_up", "0 while a target is not asked because it failed.", "provider", "target_model", join="latest"
)
STORE_UP = gauge("tollhouse_store_up", "Whether every worker reaches the store.", join="min")
EDITION = gauge("tollhouse_edition", "The number of the configuration that serves.", join="max")
RELOADS = counter("tollhouse_reloads_total", "Configurations read again, in each worker.", "result")
BUILD = gauge("tollhouse_build_info", "Always 1.", "version", "python", join="max")
WORKERS = gauge("tollhouse_workers", "Processes that serve.")
FULL = counter(
    "tollhouse_metrics_series_refused_total", "Values that were not counted because there were too many series."
)

CPU = counter("process_cpu_seconds_total", "CPU time of all workers.")
MEMORY = gauge("process_resident_memory_bytes", "Resident memory of all workers.")
FILES = gauge("process_open_fds", "Open file descriptors of all workers.")
MOST_FILES = gauge("process_max_fds", "Most file descriptors one worker may open.", join="min")
STARTED = gauge("process_start_time_seconds", "When the worker that lives longest started, unix seconds.", join="min")

FAMILIES: dict[str, Family] = {one.name: one for one in list(globals().values()) if isinstance(one, Family)}
"""All of them by name, in the order they are told."""
