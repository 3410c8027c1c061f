"""Writes the averaged weights of a checkpoint as a model directory in the SDAR layout.

    python export.py /tmp/train/run/checkpoint.pt ../../models/records
"""
import json
import os
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from data import calibration_set, evaluation_set
from model import BLOCK
from tokenizer import EOS, MASK, SPECIALS

TEMPLATE = ("{% for message in messages %}{% if message['role'] == 'user' %}{{ message['content'] + '<|record|>' }}"
            "{% elif message['role'] == 'assistant' %}{{ message['content'] + '<|endoftext|>' }}{% endif %}{% endfor %}")


def write(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, indent=2, ensure_ascii=False)
        f.write("\n")


def export(checkpoint, out, dtype=torch.bfloat16):
    saved = torch.load(checkpoint, weights_only=True)
    shape = saved["shape"]
    tensors = {k: v.to(dtype).contiguous() for k, v in saved["ema"].items()}
    if shape["tie_word_embeddings"]:
        del tensors["lm_head.weight"]
    os.makedirs(out, exist_ok=True)
    save_file(tensors, os.path.join(out, "model.safetensors.new"), {"format": "pt"})
    os.chmod(os.path.join(out, "model.safetensors.new"), 0o644)
    os.replace(os.path.join(out, "model.safetensors.new"), os.path.join(out, "model.safetensors"))
    write(os.path.join(out, "config.json"), {
        "architectures": ["SDARForCausalLM"], "model_type": "sdar", **shape,
        "block_size": BLOCK, "mask_token_id": MASK, "bos_token_id": EOS, "eos_token_id": EOS, "pad_token_id": EOS,
        "hidden_act": "silu", "attention_bias": False, "attention_dropout": 0.0, "max_position_embeddings": 512,
        "initializer_range": 0.02, "rope_scaling": None, "sliding_window": None, "use_sliding_window": False,
        "use_cache": True, "torch_dtype": str(dtype).removeprefix("torch.")})
    write(os.path.join(out, "generation_config.json"), {
        "bos_token_id": EOS, "eos_token_id": [EOS], "pad_token_id": EOS, "do_sample": False, "temperature": 0.0,
        "max_new_tokens": 128})
    write(os.path.join(out, "tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE, "eos_token": SPECIALS[EOS],
        "pad_token": SPECIALS[EOS], "mask_token": SPECIALS[MASK], "add_bos_token": False, "add_eos_token": False,
        "clean_up_tokenization_spaces": False, "model_max_length": 512,
        "added_tokens_decoder": {str(k): {"content": s, "special": True, "lstrip": False, "rstrip": False,
                                          "normalized": False, "single_word": False}
                                 for k, s in enumerate(SPECIALS)}})
    print(f"step {saved['step']}, {saved['spent'] / 60:.1f} minutes of training -> {out}")


if __name__ == "__main__":
    source, target = sys.argv[1:3]
    export(source, target, getattr(torch, sys.argv[3]) if len(sys.argv) > 3 else torch.bfloat16)
    vocabulary = os.path.join(target, "tokenizer.json")
    if not os.path.exists(vocabulary):
        here = os.path.dirname(os.path.abspath(__file__))
        Tokenizer.from_file(os.path.join(here, "../../models/records/tokenizer.json")).save(vocabulary)
    for name, rows in (("heldout", evaluation_set("heldout")), ("calibration", calibration_set())):
        lines = os.path.join(target, name + ".jsonl")
        if not os.path.exists(lines):
            with open(lines, "w", encoding="utf-8") as f:
                f.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
