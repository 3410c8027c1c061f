"""Programs of the official exporter, and what Python knows of them: export_files.py JOB.json ANSWER.json

The facts are those of the exporter's own program object, before it is written. A kind that this version cannot export is
told by its error."""

import json
import pathlib
import sys

import executorch.kernels.quantized  # registers kernels: quantized_decomposed::...
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config
from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
from executorch.exir.passes import MemoryPlanningPass
from executorch.exir.passes.external_constants_pass import delegate_external_constants_pass_unlifted
from executorch.exir.schema import DelegateCall, KernelCall, Tensor
from torch.export import Dim, export
from torchao.quantization.granularity import PerAxis, PerGroup
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.quant_api import Int8DynamicActivationIntxWeightConfig, quantize_

WIDTH, HEADS, ROWS = 64, 4, 16
TYPES = {"FLOAT": "f32", "HALF": "f16", "BFLOAT16": "bf16", "LONG": "int64", "INT": "int32", "CHAR": "int8",
         "BYTE": "uint8", "BOOL": "bool", "DOUBLE": "f64"}


class Block(torch.nn.Module):
    """A transformer block: x [1, T, WIDTH] -> [1, T, WIDTH]."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.RMSNorm(WIDTH)
        self.qkv = torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.out = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate = torch.nn.Linear(WIDTH, 2 * WIDTH, bias=False)
        self.up = torch.nn.Linear(WIDTH, 2 * WIDTH, bias=False)
        self.down = torch.nn.Linear(2 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        heads = [t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in self.qkv(self.norm(x)).chunk(3, -1)]
        seen = torch.nn.functional.scaled_dot_product_attention(*heads)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.down(torch.nn.functional.silu(self.gate(x)) * self.up(x))


class Two(torch.nn.Module):
    """Two linears: what PT2E quantizes whole. x [R, WIDTH] -> [R, WIDTH]."""

    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


class Counter(torch.nn.Module):
    """A state that is kept between calls, and a choice by its value."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.zeros(8, WIDTH))

    def forward(self, x, at):
        self.kept.index_put_((at,), x)
        return torch.cond(x.sum() > 0, lambda y: y + self.kept.sum(0), lambda y: y.clone(), (x,))


def rows(t):
    return {1: Dim("rows", min=1, max=ROWS)} if t.dim() == 3 else {0: Dim("rows", min=1, max=ROWS)}


def lower(module, *inputs, partitioned=True, dynamic=True, config=None, **more):
    shapes = tuple(rows(t) for t in inputs) if dynamic else None
    program = export(module.eval(), inputs, dynamic_shapes=shapes)
    edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()] if partitioned else None, **more)
    return edge.to_executorch(config)


def fp32():
    return lower(Block(), torch.randn(1, ROWS, WIDTH))


def fp16():
    return lower(Block().half(), torch.randn(1, ROWS, WIDTH).half())


def bf16():
    return lower(Two().bfloat16(), torch.randn(ROWS, WIDTH).bfloat16())


def int4():
    block = Block()
    quantize_(block, Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int4, weight_granularity=PerGroup(32)))
    return lower(block, torch.randn(1, ROWS, WIDTH))


def int8():
    two = Two()
    quantize_(two, Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int8, weight_granularity=PerAxis(0)))
    return lower(two, torch.randn(ROWS, WIDTH))


def static_int8(partitioned=True):
    x = torch.randn(ROWS, WIDTH)
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(export(Two().eval(), (x,)).module(), quantizer)
    prepared(x)
    module = convert_pt2e(prepared)
    edge = to_edge_transform_and_lower(export(module, (x,)),
                                       partitioner=[XnnpackPartitioner()] if partitioned else None)
    return edge.to_executorch()


def static_int8_portable():
    return static_int8(partitioned=False)


def portable():
    return lower(Block(), torch.randn(1, ROWS, WIDTH), partitioned=False)


def outside():
    """Constants in a .ptd file."""
    return lower(Two(), torch.randn(ROWS, WIDTH), partitioned=False,
                 config=ExecutorchBackendConfig(external_constants=True))


def outside_delegated():
    """Weights of a delegate in a .ptd file."""
    x = torch.randn(ROWS, WIDTH)
    module = export(Two().eval(), (x,)).module()
    delegate_external_constants_pass_unlifted(module, lambda _: "weights")
    return to_edge_transform_and_lower(export(module, (x,)), partitioner=[XnnpackPartitioner()]).to_executorch()


def state():
    config = ExecutorchBackendConfig(
        memory_planning_pass=MemoryPlanningPass(share_mutable_buffers=True), emit_mutable_buffer_names=True)
    return lower(Counter(), torch.randn(1, WIDTH), torch.tensor([3]), partitioned=False, dynamic=False, config=config)


def methods():
    two = Two().eval()
    x = torch.randn(ROWS, WIDTH)
    programs = {"encode": export(two, (x,)), "decode": export(two, (x[:1],), strict=True)}
    constants = {"get_width": WIDTH, "use_cache": True, "get_scale": 0.5, "get_ids": [3, 1, 4]}
    return to_edge_transform_and_lower(programs, partitioner={n: [XnnpackPartitioner()] for n in programs},
                                       constant_methods=constants).to_executorch()


KINDS = [fp32, fp16, bf16, int8, int4, static_int8, static_int8_portable, portable, outside, outside_delegated, state, methods]


def value(v):
    t = v.val
    if not isinstance(t, Tensor):
        return next(iter(vars(t).values()))
    return {"type": TYPES[t.scalar_type.name], "shape": list(t.sizes),
            "dynamic": t.shape_dynamism.value == 1}


def steps(plan):
    return [i.instr_args for chain in plan.chains for i in chain.instructions]


def plan_facts(plan):
    calls = [i.op_index for i in steps(plan) if isinstance(i, KernelCall)]
    names = [o.name + ("." + o.overload if o.overload else "") for o in plan.operators]
    return {"name": plan.name, "inputs": [value(plan.values[i]) for i in plan.inputs],
            "outputs": [value(plan.values[i]) for i in plan.outputs],
            "operators": {n: calls.count(i) for i, n in enumerate(names)},
            "delegates": [d.id for d in plan.delegates], "values": len(plan.values), "steps": len(steps(plan)),
            "delegate_calls": sum(isinstance(i, DelegateCall) for i in steps(plan)),
            "arenas": plan.non_const_buffer_sizes[1:]}


def main():
    folder = pathlib.Path(json.load(open(sys.argv[1], encoding="utf-8"))["folder"])
    answers = []
    for kind in KINDS:
        torch.manual_seed(0)
        file = folder / f"{kind.__name__}.pte"
        try:
            made = kind()
        except Exception as e:  # of whatever part of the exporter
            answers.append({"kind": kind.__name__, "error": f"{type(e).__name__}: {e}"})
            continue
        with file.open("wb") as out:
            made.write_to_file(out)
        before = set(folder.glob("*.ptd"))
        made.write_tensor_data_to_file(str(folder))
        data = [p.rename(file.with_suffix(".ptd")) for p in set(folder.glob("*.ptd")) - before]
        answers.append({"kind": kind.__name__, "error": None, "file": str(file), "data": str(data[0]) if data else None,
                        "plans": [plan_facts(p) for p in made.executorch_program.execution_plan]})
    json.dump(answers, open(sys.argv[2], "w", encoding="utf-8"))


main()
