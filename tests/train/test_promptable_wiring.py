import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from flawscope.train.promptable.decoding import embed_tokens
from flawscope.train.promptable.preset import Preset, build
from flawscope.train.promptable.prompts import ON


def test_a_fresh_model_looks_where_the_click_is() -> None:
    net = build(Preset(), seed=3)
    places = torch.tensor([[[20.0, 36.0]], [[128.0, 100.0]], [[230.0, 60.0]], [[60.0, 200.0]]])
    tokens = embed_tokens(net, places, torch.full((4, 1), ON))[:, 0]
    positions = net.get_image_wide_positional_embeddings().flatten(2)[0].T
    for block in net.mask_decoder.transformer.layers:
        attention = block.cross_attn_token_to_image
        size = attention.internal_dim // attention.num_attention_heads
        asked, offered = attention.q_proj(tokens), attention.k_proj(positions)
        for head in (0, 1):
            channels = slice(head * size, (head + 1) * size)
            best = (asked[:, channels] @ offered[:, channels].T).argmax(dim=1)
            found = torch.stack([best % 32, best // 32], dim=1) * 8.0 + 4
            miss = (found - places[:, 0]).norm(dim=1)
            assert miss.median() < (48, 16)[head], "the second head is the sharp one"


def test_contents_read_at_a_place_are_compared_with_the_image() -> None:
    net = build(Preset(), seed=3)
    reading = net.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    size = reading.internal_dim // reading.num_attention_heads
    first = 2 * size
    copied = reading.out_proj.weight[:, :first] @ reading.v_proj.weight[:first]
    compared = reading.q_proj.weight[first:].T @ reading.k_proj.weight[first:]
    both = copied.diagonal() * compared.diagonal()
    assert int((both > 0.5).sum()) == 2 * size, "what is copied is what is compared"
