"""The functions of a package computed in numpy, operation by operation, from the bytes of its files."""

import numpy as np

from coreml_peer.operations import OPERATIONS
from coreml_peer.package import shape_of

STATE = "stateType"


class Replay:
    """One function. Its states begin as zeros and live as long as it does."""

    def __init__(self, package, name):
        self.package, self.function = package, package.functions[name]
        self.block = self.function.block_specializations[self.function.opset]
        self.kept = {}  # constants and what is made of constants alone: by name
        self.states = {i.name: np.zeros(shape_of(i.type.stateType.wrappedType), np.float32)
                       for i in self.function.inputs if i.type.WhichOneof("type") == STATE}
        self.inputs = {i.name: i.type for i in self.function.inputs if i.name not in self.states}

    def shape(self, name):
        return tuple(shape_of(self.inputs[name]))

    def run(self, feeds):
        """Outputs by name."""
        if set(feeds) != set(self.inputs):
            raise ValueError(f"inputs {sorted(self.inputs)}, given {sorted(feeds)}")
        values = dict(self.kept)
        for name, x in feeds.items():
            if np.shape(x) != self.shape(name):
                raise ValueError(f"{name}: shape {self.shape(name)}, given {np.shape(x)}")
            values[name] = np.asarray(x)
        for op in self.block.operations:
            if not op.outputs or op.outputs[0].name not in self.kept:
                self._step(op, values)
        return {name: values[name] for name in self.block.outputs}

    def _argument(self, argument, values):
        found = [values[b.name] if b.WhichOneof("binding") == "name" else self.package.constant(b.value)
                 for b in argument.arguments]
        return found

    def _step(self, op, values):
        if op.type == "const":
            self._keep(op, [self.package.constant(op.attributes["val"])], values)
            return
        if op.type in ("read_state", "write_state"):
            state = op.inputs["input"].arguments[0].name
            if op.type == "write_state":
                self.states[state] = values[op.inputs["data"].arguments[0].name].copy()
            else:
                values[op.outputs[0].name] = self.states[state].copy()
            return
        if op.type not in OPERATIONS:
            raise ValueError(f"the operation {op.type} is not known to the replay")
        x = {}
        for name, argument in op.inputs.items():
            found = self._argument(argument, values)
            x[name] = found if name == "values" else found[0]
        results = OPERATIONS[op.type](x)
        results = results if isinstance(results, list) else [results]
        if op.type.startswith("constexpr_"):
            self._keep(op, results, values)
            return
        for output, result in zip(op.outputs, results):
            self._check(op, output, result)
            values[output.name] = result

    def _keep(self, op, results, values):
        for output, result in zip(op.outputs, results):
            self._check(op, output, result)
            values[output.name] = self.kept[output.name] = result

    @staticmethod
    def _check(op, output, result):
        """What was computed has the shape that the file says."""
        if list(np.shape(result)) != shape_of(output.type):
            raise ValueError(f"{op.type} {output.name}: the file says {shape_of(output.type)}, found {np.shape(result)}")
