"""Muon in float32: momentum whose update is made orthogonal. torch.optim.Muon works in bfloat16, slow on CPUs without it."""
import torch


def orthogonal(x, steps=5):
    """Newton-Schulz iteration on a stack of matrices [k, rows <= cols]."""
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(torch.optim.Optimizer):
    """For the body's matrices. Matrices of one shape are stacked, so that the iteration runs on a few large products."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            stacks = {}
            for p in group["params"]:
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                u = p.grad.lerp(m, group["momentum"])
                stacks.setdefault(tuple(sorted(p.shape)), []).append((p, u if p.shape[0] <= p.shape[1] else u.T))
            for members in stacks.values():
                for (p, _), u in zip(members, orthogonal(torch.stack([u for _, u in members]))):
                    u = u if p.shape[0] <= p.shape[1] else u.T
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(u, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)
