"""A conversation of the playground: what was said, and what each answer took and cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Turn:
    """A message. Durations are seconds, `cost` nano-USD; None is not known."""

    role: str
    text: str = ""
    thought: str = ""
    trouble: str = ""
    done: bool = True
    request_id: str = ""
    target: str = ""
    begun: float = 0.0
    ttft: float | None = None
    seconds: float | None = None
    input: int | None = None
    output: int | None = None
    cost: int | None = None


@dataclass(slots=True)
class Chat:
    """Turns in order. Only the last one grows."""

    model: str = ""
    system: str = ""
    temperature: float | None = None
    most: int | None = None
    """The most output tokens."""
    turns: list[Turn] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return bool(self.turns) and not self.turns[-1].done

    def ask(self, text: str, now: float) -> dict[str, Any]:
        """Say something; gives the body of the request, and the answer's turn begins."""
        self.turns.append(Turn("user", text))
        messages = [{"role": "system", "content": self.system}] if self.system else []
        messages += [{"role": turn.role, "content": turn.text} for turn in self.turns if turn.text and not turn.trouble]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "stream": True}
        body["stream_options"] = {"include_usage": True}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.most is not None:
            body["max_tokens"] = self.most
        self.turns.append(Turn("assistant", done=False, begun=now))
        return body

    def take(self, chunk: dict[str, Any], now: float) -> None:
        """A chunk of the answer, in the form of OpenAI's streams; `{"headers": ...}` is what came before it."""
        turn = self.turns[-1]
        if headers := chunk.get("headers"):
            turn.request_id = headers.get("x-request-id", "")
            turn.target = headers.get("x-tollhouse-target", "")
            return
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            said, thought = delta.get("content") or "", delta.get("reasoning_content") or ""
            if (said or thought) and turn.ttft is None:
                turn.ttft = now - turn.begun
            turn.text += said
            turn.thought += thought
        if usage := chunk.get("usage"):
            turn.input, turn.output = usage.get("prompt_tokens"), usage.get("completion_tokens")

    def end(self, now: float, trouble: str = "") -> None:
        """The answer is over."""
        turn = self.turns[-1]
        turn.done, turn.seconds, turn.trouble = True, now - turn.begun, trouble
