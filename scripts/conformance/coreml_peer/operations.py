"""What each operation of MIL computes, written from its documentation. x holds its parameters by name."""

import numpy as np

F = np.float32


def _axes(x):
    return None if "axes" not in x else tuple(int(a) for a in np.atleast_1d(x["axes"]))


def _exp(x):
    return np.exp(x, dtype=F)


def _softmax(x):
    e = _exp(x["x"] - x["x"].max(int(x["axis"]), keepdims=True))
    return e / e.sum(int(x["axis"]), keepdims=True)


def _log_sum_exp(x):
    top = x["x"].max(_axes(x), keepdims=True)
    sums = np.log(_exp(x["x"] - top).sum(_axes(x), keepdims=True)) + top
    return sums if x["keep_dims"] else sums.squeeze(_axes(x))


def _matmul(x):
    a, b = x["x"], x["y"]
    a = a.swapaxes(-1, -2) if x.get("transpose_x", False) else a
    b = b.swapaxes(-1, -2) if x.get("transpose_y", False) else b
    return np.matmul(a, b)


def _attention(x):
    scores = np.matmul(x["query"], x["key"].swapaxes(-1, -2)) / F(np.sqrt(x["query"].shape[-1]))
    mask = x.get("attn_mask")
    if mask is not None:
        scores = np.where(mask, scores, F(-np.inf)) if mask.dtype == bool else scores + mask
    return np.matmul(_softmax({"x": scores, "axis": -1}), x["value"])


def _linear(x):
    y = np.matmul(x["x"], x["weight"].T)
    return y + x["bias"] if "bias" in x else y


def _conv(x):
    w = x["weight"]
    if any(k != 1 for k in w.shape[2:]) or int(x.get("groups", 1)) != 1:
        raise ValueError("only convolutions of one place are known here")
    y = np.einsum("oi,bi...->bo...", w.reshape(w.shape[:2]), x["x"])
    return y + x["bias"].reshape((1, -1) + (1,) * (y.ndim - 2)) if "bias" in x else y


def _layer_norm(x):
    axes = _axes(x)
    mean, var = x["x"].mean(axes, keepdims=True), x["x"].var(axes, keepdims=True)
    return (x["x"] - mean) / np.sqrt(var + x.get("epsilon", F(1e-5))) * x.get("gamma", F(1)) + x.get("beta", F(0))


def _slices(x, shape):
    """numpy's slices of begin, end, stride and their masks."""
    def masked(name, i):
        return name in x and bool(x[name][i])
    cut = []
    for i in range(len(shape)):
        if masked("squeeze_mask", i):
            cut.append(int(x["begin"][i]))
            continue
        stride = int(x["stride"][i]) if "stride" in x else 1
        begin = None if masked("begin_mask", i) else int(x["begin"][i])
        end = None if masked("end_mask", i) else int(x["end"][i])
        cut.append(slice(begin, end, stride))
    return tuple(cut)


def _by_size(x):
    return x["x"][tuple(slice(int(b), None if s == -1 else int(b) + int(s)) for b, s in zip(x["begin"], x["size"]))]


def _slice_update(x):
    y = x["x"].copy()
    y[_slices(x, y.shape)] = x["update"]
    return y


def _split(x):
    axis = int(x["axis"])
    if "split_sizes" in x:
        return np.split(x["x"], np.cumsum(x["split_sizes"])[:-1], axis)
    return np.split(x["x"], int(x["num_splits"]), axis)


def _topk(x):
    axis, k = int(x["axis"]), int(x["k"])
    key = x["x"] if x.get("ascending", False) else -x["x"]
    order = np.take(np.argsort(key, axis, kind="stable"), np.arange(k), axis)
    return [np.take_along_axis(x["x"], order, axis), order.astype(np.int32)]


def _argmax(x):
    i = x["x"].argmax(int(x["axis"])).astype(np.int32)
    return np.expand_dims(i, int(x["axis"])) if x["keep_dims"] else i


def _cast(x):
    types = {"fp16": F, "fp32": F, "bool": bool, "int32": np.int32, "int16": np.int16, "uint16": np.uint16, "int8": np.int8,
             "uint8": np.uint8}
    return np.asarray(x["x"]).astype(types[x["dtype"]])


def _gather(x):
    if int(x.get("batch_dims", 0)) != 0:
        raise ValueError("gather of batches is not known here")
    return np.take(x["x"], x["indices"].astype(np.int64), int(x["axis"]))


def _expand(x):
    y = x["x"]
    for axis in sorted(int(a) for a in x["axes"]):
        y = np.expand_dims(y, axis)
    return y


def _blocks(x, name, shape):
    """One number for a block of the data, as many as there are data."""
    y = x[name]
    for axis, (n, m) in enumerate(zip(shape, y.shape)):
        y = np.repeat(y, n // m, axis)
    return y


def _shift_scale(x):
    data = x["data"].astype(F)
    if "offset" in x:
        data = data - _blocks(x, "offset", data.shape).astype(F)
    return data * _blocks(x, "scale", data.shape)


def _reduced(function):
    return lambda x: function(x["x"], axis=_axes(x), keepdims=bool(x["keep_dims"]))



OPERATIONS = {
    "abs": lambda x: np.abs(x["x"]), "add": lambda x: x["x"] + x["y"], "sub": lambda x: x["x"] - x["y"],
    "mul": lambda x: x["x"] * x["y"], "real_div": lambda x: x["x"] / x["y"], "maximum": lambda x: np.maximum(x["x"], x["y"]),
    "minimum": lambda x: np.minimum(x["x"], x["y"]), "square": lambda x: x["x"] * x["x"], "sqrt": lambda x: np.sqrt(x["x"]),
    "rsqrt": lambda x: 1 / np.sqrt(x["x"] + x.get("epsilon", F(1e-12))),
    "inverse": lambda x: 1 / (x["x"] + x.get("epsilon", F(1e-4))), "exp": lambda x: _exp(x["x"]),
    "log": lambda x: np.log(x["x"] + x.get("epsilon", F(1e-45))), "sigmoid": lambda x: 1 / (1 + _exp(-x["x"])),
    "silu": lambda x: x["x"] / (1 + _exp(-x["x"])), "clip": lambda x: np.clip(x["x"], x["alpha"], x["beta"]),
    "equal": lambda x: x["x"] == x["y"], "less": lambda x: x["x"] < x["y"], "greater": lambda x: x["x"] > x["y"],
    "less_equal": lambda x: x["x"] <= x["y"], "greater_equal": lambda x: x["x"] >= x["y"],
    "select": lambda x: np.where(x["cond"], x["a"], x["b"]), "identity": lambda x: x["x"],
    "reduce_mean": _reduced(np.mean), "reduce_sum": _reduced(np.sum), "reduce_max": _reduced(np.max),
    "reduce_min": _reduced(np.min), "reduce_sum_square": _reduced(lambda x, **k: np.sum(x * x, **k)),
    "reduce_l2_norm": _reduced(lambda x, **k: np.sqrt(np.sum(x * x, **k))), "reduce_log_sum_exp": _log_sum_exp,
    "reduce_argmax": _argmax, "topk": _topk, "softmax": _softmax, "matmul": _matmul, "linear": _linear, "conv": _conv,
    "layer_norm": _layer_norm, "scaled_dot_product_attention": _attention, "gather": _gather, "cast": _cast,
    "gather_along_axis": lambda x: np.take_along_axis(x["x"], x["indices"].astype(np.int64), int(x["axis"])),
    "concat": lambda x: np.concatenate(x["values"], int(x["axis"])), "stack": lambda x: np.stack(x["values"], int(x["axis"])),
    "split": _split, "slice_by_index": lambda x: x["x"][_slices(x, x["x"].shape)], "slice_by_size": _by_size,
    "slice_update": _slice_update, "expand_dims": _expand, "squeeze": lambda x: np.squeeze(x["x"], _axes(x)),
    "reshape": lambda x: x["x"].reshape([int(n) for n in x["shape"]]), "tile": lambda x: np.tile(x["x"], x["reps"]),
    "transpose": lambda x: x["x"].transpose([int(a) for a in x["perm"]]), "constexpr_blockwise_shift_scale": _shift_scale,
}
