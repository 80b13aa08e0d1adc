"""A model of a few thousand random weights in a GGUF file: llama.cpp loads it in no time, and it writes nonsense."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, HIDDEN = 32, 4, 64
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def write_tiny_model(path: Path, *, context: int = 2048, kind: str = "model", padding: int = 0) -> Path:
    """``kind`` is what the file says it is (a model, an adapter …); ``padding`` bytes make it larger."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(kind)
    writer.add_name("Tiny and random")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL, *[gguf.TokenType.BYTE] * 256]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    random = np.random.default_rng(0)

    def put(name: str, *shape: int) -> None:
        weights = np.ones(shape) if name.endswith("norm.weight") else random.normal(0, 0.5, shape)
        writer.add_tensor(name, weights.astype(np.float32))

    put("token_embd.weight", len(tokens), WIDTH)
    put("output_norm.weight", WIDTH)
    put("output.weight", len(tokens), WIDTH)
    put("blk.0.attn_norm.weight", WIDTH)
    for part in ("q", "k", "v", "output"):
        put(f"blk.0.attn_{part}.weight", WIDTH, WIDTH)
    put("blk.0.ffn_norm.weight", WIDTH)
    put("blk.0.ffn_gate.weight", HIDDEN, WIDTH)
    put("blk.0.ffn_up.weight", HIDDEN, WIDTH)
    put("blk.0.ffn_down.weight", WIDTH, HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if padding:
        with path.open("ab") as file:
            file.truncate(path.stat().st_size + padding)
    return path
