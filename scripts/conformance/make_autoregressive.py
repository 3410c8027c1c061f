"""Makes tests/golden/ar-*: random checkpoints of transformers' own Llama, Qwen2 and Qwen3, their float32 logits and greedy
continuations. Not a check: run once, in an environment with torch==2.14.1 transformers==5.24.0 numpy==2.4.6 safetensors==0.8.0.

    python scripts/conformance/make_autoregressive.py tests/golden
"""

import json
import pathlib
import sys

import numpy
import torch
import transformers

# The logit of the choice leads by this much at least, so that rounding decides no continuation.
MARGIN = 0.02
LENGTHS = [1, 2, 7, 24, 40]
PROMPTS = [(1, 24), (5, 48), (17, 40), (150, 32)]  # ids of the prompt, ids to write; a tile is 128
EOS = 9

COMMON = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              max_position_embeddings=512, rms_norm_eps=1e-6, initializer_range=0.25, bos_token_id=3,
              eos_token_id=EOS, attn_implementation="eager")

MODELS = {
    "ar-llama-tiny": (transformers.LlamaConfig, transformers.LlamaForCausalLM, torch.float32,
                      dict(vocab_size=256, intermediate_size=80, tie_word_embeddings=True, rms_norm_eps=1e-5,
                           rope_parameters=dict(rope_type="default", rope_theta=1e4))),
    "ar-qwen2-tiny": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM, torch.bfloat16,
                      dict(vocab_size=300, intermediate_size=112, tie_word_embeddings=False,
                           rope_parameters=dict(rope_type="default", rope_theta=1e6))),
    "ar-qwen3-tiny": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM, torch.bfloat16,
                      dict(vocab_size=288, intermediate_size=96, tie_word_embeddings=True, head_dim=32,
                           rope_parameters=dict(rope_type="default", rope_theta=1e6))),
}


def randomize(model, rng):
    """Norms and biases start as ones and zeros, which would hide a missing one."""
    for name, p in model.named_parameters():
        noise = torch.from_numpy(rng.standard_normal(p.shape).astype(numpy.float32))
        if name.endswith("norm.weight"):
            p.data = (1 + 0.2 * noise).to(p.dtype)
        elif name.endswith("bias"):
            p.data = (0.5 * noise).to(p.dtype)


def forward(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].float()


def greedy(model, prompt, n):
    """Whole forwards without a cache, arg-max with the lowest id first; None when a choice is close."""
    ids = list(prompt)
    stopped = False
    while len(ids) < len(prompt) + n and not stopped:
        best = torch.topk(forward(model, ids)[-1], 2)
        if best.values[0] - best.values[1] < MARGIN:
            return None
        ids.append(int(best.indices[0]))
        stopped = ids[-1] == EOS
    return dict(prompt=list(prompt), ids=ids[len(prompt):], finish_reason="stop" if stopped else "length")


def make(folder, name, seed):
    config_class, model_class, dtype, own = MODELS[name]
    torch.manual_seed(seed)
    rng = numpy.random.default_rng(seed)
    model = model_class(config_class(**(COMMON | own))).to(dtype)
    randomize(model, rng)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    model = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    vocab = own["vocab_size"]
    sequences = []
    for i, n in enumerate(LENGTHS):
        ids = rng.integers(0, vocab, n).tolist()
        logits = forward(model, ids).numpy()
        numpy.save(folder / f"logits_{i}.npy", logits)
        sequences.append(dict(ids=ids, shape=list(logits.shape), max_abs=float(abs(logits).max()),
                              file=f"logits_{i}.npy"))
    runs = []
    for n, n_new in PROMPTS:
        run = None
        while run is None:
            run = greedy(model, rng.integers(10, vocab, n).tolist(), n_new)
        run["max_tokens"] = n_new
        runs.append(run)
    versions = dict(torch=torch.__version__, transformers=transformers.__version__, numpy=numpy.__version__)
    about = dict(family=config_class.model_type, versions=versions, seed=seed)
    (folder / "logits.json").write_text(json.dumps(about | dict(
        what="raw logits of one forward over all ids, causal mask", dtype="float32", sequences=sequences)) + "\n")
    (folder / "continuations.json").write_text(json.dumps(about | dict(
        what="greedy continuations; ids hold the stop id that ended them", runs=runs)) + "\n")
    print(name, [len(r["ids"]) for r in runs], [r["finish_reason"] for r in runs],
          [len(set(r["ids"])) for r in runs])


def main():
    torch.set_num_threads(1)
    for i, name in enumerate(MODELS):
        make(pathlib.Path(sys.argv[1]) / name, name, 20 + i)


main()
