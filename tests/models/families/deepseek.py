"""DeepSeek in thinking mode: an answer with calls comes back with its ``reasoning_content``, in all later requests.

https://api-docs.deepseek.com/guides/thinking_mode; the error's words as reported in
https://www.coderouter.io/blog/deepseek-reasoning-content-400-error-fix. Lines that keep the connection:
https://api-docs.deepseek.com/quick_start/rate_limit
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .frame import (
    DONE,
    Answer,
    Family,
    Json,
    Refused,
    call_of,
    check_conversation,
    chunk,
    data,
    refusal,
    usage_chunk,
    words,
)

ROLES = ("system", "user", "assistant", "tool")


@dataclass
class DeepSeek(Family):
    name: str = "DeepSeek"
    provider: str = "deepseek"
    model: str = "deepseek-v4-pro"

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for place, message in enumerate(body["messages"]):
            said = f"Failed to deserialize the JSON body into the target type: messages[{place}]"
            if message["role"] not in ROLES:
                raise refusal(f"{said}: unknown variant `{message['role']}`, expected one of {ROLES}", 422)
            if "content" not in message:
                raise refusal(f"{said}: missing field `content`", 422)
            if message.get("tool_calls") and not message.get("reasoning_content"):
                raise refusal("The `reasoning_content` in the thinking mode must be passed back to the API.")
            for call in message.get("tool_calls") or ():
                if self.gave.get(call["id"], message["reasoning_content"]) != message["reasoning_content"]:
                    raise refusal("The `reasoning_content` is not the one that was given.")
        check_conversation(body["messages"])

    def blind(self) -> Refused:
        # https://github.com/browser-use/browser-use/issues/159
        return refusal(
            "Failed to deserialize the JSON body into the target type: messages[4]: data did not match any variant of "
            "untagged enum ChatCompletionRequestContent at line 1 column 15700",
            422,
        )

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield ": keep-alive\n\n"
        yield data(chunk({"role": "assistant", "content": None, "reasoning_content": ""}))
        for word in words(answer.thought or "So."):
            yield data(chunk({"content": None, "reasoning_content": word}))
        for word in words(answer.text):
            yield data(chunk({"content": word, "reasoning_content": None}))
        for index, step in enumerate(answer.calls):
            self.gave[f"call_00_{number:04d}{index}aBcDeFgHiJkLmNoPqRs"] = answer.thought or "So."
            yield data(chunk({"tool_calls": [call_of(step, f"call_00_{number:04d}{index}aBcDeFgHiJkLmNoPqRs", index)]}))
        end = chunk({"content": "", "reasoning_content": None}, "tool_calls" if answer.calls else "stop")
        yield data({**end, "usage": {**usage_chunk()["usage"], "prompt_cache_hit_tokens": 64}})
        yield DONE
