"""Trains the record model on CPU. The schedule follows the clock: `--minutes` of training, however often interrupted.

    python train.py --minutes 102 --out RUN             # start
    python train.py --minutes 102 --out RUN --resume    # go on after a stop
"""
import argparse
import dataclasses
import os
import time

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from batches import batches
from model import Model, Shape
from muon import Muon


def rate(progress, step):
    """Warm-up over 60 steps, flat to half time, then a straight line to zero."""
    return min(1, (step + 1) / 60) * min(1, max(0.0, 1 - progress) / 0.5)


def optimizers(net, lr):
    """Muon for the body's matrices, AdamW for embeddings, head and norms."""
    body = [p for n, p in net.named_parameters() if p.dim() == 2 and "layers" in n]
    rest = [p for n, p in net.named_parameters() if not (p.dim() == 2 and "layers" in n)]
    return [Muon(body, lr=lr, weight_decay=0.02),
            torch.optim.AdamW(rest, lr=lr * 0.2, betas=(0.9, 0.95), weight_decay=0.0)]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--minutes", type=float, required=True)
    a.add_argument("--pause", type=float, help="stop after so many minutes, the schedule being that of --minutes")
    a.add_argument("--out", required=True)
    a.add_argument("--tokenizer", default=os.path.join(os.path.dirname(__file__), "../../models/records/tokenizer.json"))
    a.add_argument("--resume", action="store_true")
    a.add_argument("--batch", type=int, default=16)
    a.add_argument("--lr", type=float, default=0.02)
    a.add_argument("--composed", type=float, default=0.0, help="share of composed phrasings")
    a.add_argument("--seed", type=int, default=5)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--shape", default="", help="changes to the default shape, such as num_hidden_layers=5")
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, "checkpoint.pt")

    changes = dict(c.split("=") for c in a.shape.split(",") if c)
    shape = dataclasses.replace(Shape(), **{k: type(getattr(Shape, k))(eval(v)) for k, v in changes.items()})
    step, spent, runs = 0, 0.0, 0
    saved = torch.load(path, weights_only=True) if a.resume else None
    if saved:
        shape, step, spent, runs = Shape(**saved["shape"]), saved["step"], saved["spent"], saved["runs"] + 1
    net = Model(shape)
    opts = optimizers(net, a.lr)
    peak = [g["lr"] for o in opts for g in o.param_groups]
    if saved:
        net.load_state_dict(saved["net"])
        for o, s in zip(opts, saved["opts"]):
            o.load_state_dict(s)
    ema = {k: v.clone() for k, v in (saved["ema"] if saved else net.state_dict()).items()}
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {shape}, run {runs}", flush=True)

    def save():
        state = {"net": net.state_dict(), "ema": ema, "opts": [o.state_dict() for o in opts], "step": step,
                 "spent": spent, "runs": runs, "shape": dataclasses.asdict(shape), "args": vars(a)}
        torch.save(state, path + ".new")
        os.replace(path + ".new", path)

    # A resumed run draws fresh documents: its data seed counts the restarts.
    stream = batches(Tokenizer.from_file(a.tokenizer), a.batch, a.seed + 1000 * runs, a.composed)
    total, count, tokens, last, saved_at = 0.0, 0, 0, time.time(), spent
    while spent < 60 * min(a.minutes, a.pause or a.minutes):
        begun = time.time()
        ids, positions, seen, target, rows = next(stream)
        hidden = net(ids, positions, seen, rows)
        wanted = target >= 0
        loss = F.cross_entropy(net.lm_head(hidden[wanted]), target[wanted])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        groups = [g for o in opts for g in o.param_groups]
        for g, top in zip(groups, peak):
            g["lr"] = top * rate(spent / 60 / a.minutes, step)
        for o in opts:
            o.step()
            o.zero_grad()
        step += 1
        decay = min(0.997, step / (step + 20))
        with torch.no_grad():
            for k, v in net.state_dict().items():
                ema[k].lerp_(v, 1 - decay)
        spent += time.time() - begun
        total, count, tokens = total + loss.item(), count + 1, tokens + ids.numel()
        if step % 50 == 0:
            print(f"step {step} minutes {spent / 60:.1f} loss {total / count:.4f} norm {norm:.2f} "
                  f"tokens/s {tokens / (time.time() - last):.0f}", flush=True)
            total, count, tokens, last = 0.0, 0, 0, time.time()
        if spent - saved_at > 120:
            save()
            saved_at = spent
    save()


if __name__ == "__main__":
    main()
