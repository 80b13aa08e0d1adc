"""Azure OpenAI: the deployment in the path and the API's version in the query, the key in a header of its own, and what
its content filter says in the stream, where choices may be empty.

https://learn.microsoft.com/en-us/azure/ai-services/openai/reference (address, ``api-key``),
https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-filter and
https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-streaming
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .frame import Answer, Json, Refused, chunk, data
from .openai import OpenAI

FINE = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}


@dataclass
class Azure(OpenAI):
    name: str = "Azure"
    provider: str = "azure"
    model: str = "my-deployment"
    base: str = "/openai/deployments/my-deployment"
    query: str = "?api-version=2025-04-01-preview"

    def check(self, body: Json, headers: dict[str, str]) -> None:
        if not headers.get("api-key"):
            message = "Access denied due to invalid subscription key or wrong API endpoint."
            raise Refused({"error": {"code": "401", "message": message}}, 401)
        super().check(body, headers)

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        results = [{"prompt_index": 0, "content_filter_results": FINE}]
        yield data({**chunk({}), "id": "", "model": "", "choices": [], "prompt_filter_results": results})
        first, *rest = super().pieces(answer, number)
        yield first
        offsets = {"check_offset": 0, "start_offset": 0, "end_offset": 44}
        filtered = {
            "index": 0,
            "finish_reason": None,
            "content_filter_results": FINE,
            "content_filter_offsets": offsets,
        }
        yield data({**chunk({}), "choices": [filtered]})  # as the asynchronous filter does: without a delta
        yield from rest
