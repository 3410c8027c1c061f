"""Programs in the stock ExecuTorch runtime, called through the library that `make executorch` builds for dlx."""

import ctypes
import subprocess

import numpy as np

TYPES = {np.dtype(np.float32): 6, np.dtype(np.int64): 4}
NUMPY = {6: np.float32, 4: np.int64}


class Tensor(ctypes.Structure):  # src/backends/xnnpack/executorch.h
    _fields_ = [("data", ctypes.c_void_p), ("type", ctypes.c_int32), ("n_dims", ctypes.c_int32),
                ("dims", ctypes.c_int32 * 8)]


class Functions(ctypes.Structure):
    _fields_ = [("version", ctypes.c_int32),
                ("open", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p,
                                          ctypes.c_char_p, ctypes.c_int)),
                ("close", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
                ("run", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Tensor),
                                         ctypes.c_int, ctypes.POINTER(Tensor), ctypes.c_int,
                                         ctypes.POINTER(ctypes.c_int)))]


class Program:
    """A .pte file that is open, and its methods."""

    def __init__(self, library, path):
        self.functions = library
        self.module = ctypes.c_void_p()
        if self.functions.open(ctypes.byref(self.module), str(path).encode(), None, 1):
            raise RuntimeError(f"{path}: could not be opened")

    def close(self):
        self.functions.close(self.module)

    def run(self, method, inputs):
        tensors = (Tensor * len(inputs))()
        for t, x in zip(tensors, inputs):
            t.data, t.type, t.n_dims = x.ctypes.data, TYPES[x.dtype], x.ndim
            t.dims[:x.ndim] = x.shape
        out, n = (Tensor * 64)(), ctypes.c_int()
        error = self.functions.run(self.module, method.encode(), tensors, len(inputs), out, 64, ctypes.byref(n))
        if error:
            raise RuntimeError(f"{method}: error {error}")
        return [self.array(t) for t in out[:n.value]]

    @staticmethod
    def array(t):
        shape = list(t.dims[:t.n_dims])
        size = int(np.prod(shape)) * np.dtype(NUMPY[t.type]).itemsize
        return np.frombuffer(ctypes.string_at(t.data, size), NUMPY[t.type]).reshape(shape)


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def runtime(dlx):
    """The library beside the command (make executorch)."""
    loaded = ctypes.CDLL(str(dlx.parent / "libdlx_executorch.so"))
    loaded.dlx__et_table.restype = ctypes.POINTER(Functions)
    return loaded.dlx__et_table().contents
