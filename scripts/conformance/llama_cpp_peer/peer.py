"""llama.cpp through the C interface of llama-cpp-python, with as little of its own arithmetic as it lets one choose: one
thread, no flash attention, keys and values in float32."""

import ctypes
import pathlib

import llama_cpp as lc
import numpy

# Its words for what is written, by our names; the K types in their plain size and in the mixture that people download.
FTYPES = {
    "f32": lc.LLAMA_FTYPE_ALL_F32, "f16": lc.LLAMA_FTYPE_MOSTLY_F16, "bf16": lc.LLAMA_FTYPE_MOSTLY_BF16,
    "q8_0": lc.LLAMA_FTYPE_MOSTLY_Q8_0, "q4_0": lc.LLAMA_FTYPE_MOSTLY_Q4_0, "q4_1": lc.LLAMA_FTYPE_MOSTLY_Q4_1,
    "q5_0": lc.LLAMA_FTYPE_MOSTLY_Q5_0, "q5_1": lc.LLAMA_FTYPE_MOSTLY_Q5_1, "q4_k_s": lc.LLAMA_FTYPE_MOSTLY_Q4_K_S,
    "q4_k_m": lc.LLAMA_FTYPE_MOSTLY_Q4_K_M, "q5_k_s": lc.LLAMA_FTYPE_MOSTLY_Q5_K_S,
    "q5_k_m": lc.LLAMA_FTYPE_MOSTLY_Q5_K_M, "q6_k": lc.LLAMA_FTYPE_MOSTLY_Q6_K,
}
OTHERS = {
    "q2_k": lc.LLAMA_FTYPE_MOSTLY_Q2_K, "q3_k_m": lc.LLAMA_FTYPE_MOSTLY_Q3_K_M, "iq3_s": lc.LLAMA_FTYPE_MOSTLY_IQ3_S,
    "iq4_nl": lc.LLAMA_FTYPE_MOSTLY_IQ4_NL, "iq4_xs": lc.LLAMA_FTYPE_MOSTLY_IQ4_XS, "tq2_0": lc.LLAMA_FTYPE_MOSTLY_TQ2_0,
}
GGML_F32 = 0

said = []  # what it logged since `start`, to be told when it fails


@lc.llama_log_callback
def _listen(_level, text, _user):
    said.append(text.decode("utf-8", "replace"))


def start():
    lc.llama_log_set(_listen, None)
    lc.llama_backend_init()


def last_words():
    return "".join(said[-4:]).strip().replace("\n", "; ")


class Model:
    """An open GGUF file: `with Model(path) as m`."""

    def __init__(self, path):
        said.clear()
        params = lc.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = lc.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp does not open {pathlib.Path(path).name}: {last_words()}")
        self.vocab = lc.llama_model_get_vocab(self.model)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lc.llama_model_free(self.model)

    def logits(self, ids, causal):
        """float32 [len(ids), vocab] of one pass in which every row sees all rows, or those before it."""
        n = len(ids)
        params = lc.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = n
        params.n_threads = params.n_threads_batch = 1
        params.flash_attn_type = 0
        params.type_k = params.type_v = GGML_F32
        context = lc.llama_init_from_model(self.model, params)
        if not context:
            raise RuntimeError(f"llama.cpp makes no context: {last_words()}")
        lc.llama_set_causal_attn(context, causal)
        batch = lc.llama_batch_init(n, 0, 1)
        batch.n_tokens = n
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.logits[i] = token, i, 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        status = lc.llama_decode(context, batch)
        if status == 0:
            shape = (n, lc.llama_vocab_n_tokens(self.vocab))
            found = numpy.ctypeslib.as_array(lc.llama_get_logits(context), shape).copy()
        lc.llama_batch_free(batch)
        lc.llama_free(context)
        if status != 0:
            raise RuntimeError(f"llama_decode gives {status}: {last_words()}")
        return found

    def tokenize(self, text, special=True):
        """Ids without a token in front; special tokens in the text are parsed."""
        raw = text.encode()
        room = (lc.llama_token * (len(raw) + 8))()
        n = lc.llama_tokenize(self.vocab, raw, len(raw), room, len(room), False, special)
        return list(room[:n])


def quantize(source, target, ftype):
    """Another file of the same model; from any type, as float32 it holds what ggml reads in the source."""
    said.clear()
    params = lc.llama_model_quantize_default_params()
    params.ftype = (FTYPES | OTHERS)[ftype]
    params.nthread = 1
    params.allow_requantize = True
    if lc.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)) != 0:
        raise RuntimeError(f"llama.cpp does not quantize to {ftype}: {last_words()}")


def logits(path, ids, causal):
    with Model(path) as m:
        return m.logits(ids, causal)


class _Traits(ctypes.Structure):
    """The head of ggml_type_traits."""

    _fields_ = [("type_name", ctypes.c_char_p), ("blck_size", ctypes.c_int64), ("interleave", ctypes.c_int64),
                ("type_size", ctypes.c_size_t), ("is_quantized", ctypes.c_bool),
                ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64))]


def _ggml():
    lib = ctypes.CDLL(next(str(p) for p in (pathlib.Path(lc.__file__).parent / "lib").glob("libggml-base.*")))
    lib.ggml_get_type_traits.restype = ctypes.POINTER(_Traits)
    lib.ggml_get_type_traits.argtypes = [ctypes.c_int]
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                                        ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    return lib


def ggml_pack(type_id, rows):
    """Bytes of ggml's blocks for float32 [n, columns]."""
    rows = numpy.ascontiguousarray(rows, numpy.float32)
    traits = _ggml().ggml_get_type_traits(type_id).contents
    out = numpy.zeros(rows.size // traits.blck_size * traits.type_size, numpy.uint8)
    size = _ggml().ggml_quantize_chunk(type_id, rows.ctypes.data, out.ctypes.data, 0, *rows.shape, None)
    assert size == out.size, (traits.type_name, size, out.size)
    return out


def ggml_unpack(type_id, packed, n):
    """The n float32 that ggml reads in these bytes."""
    packed = numpy.ascontiguousarray(packed)
    out = numpy.zeros(n, numpy.float32)
    _ggml().ggml_get_type_traits(type_id).contents.to_float(packed.ctypes.data, out.ctypes.data, n)
    return out
