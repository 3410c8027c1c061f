/*
 * bind.c - roles to tensors. The list of expected names is made from the configuration alone, so a
 * config and weights that do not belong together are found here, before anything large is made.
 */
#include "model/bind.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* llama.cpp's names; which of them a family has is told by its hf_names. */
static const char *const gguf_names[DLX__N_ROLES] = {
    [DLX__ROLE_EMBED] = "token_embd.weight",
    [DLX__ROLE_FINAL_NORM] = "output_norm.weight",
    [DLX__ROLE_HEAD] = "output.weight",
    [DLX__ROLE_ATTN_NORM] = "blk.%d.attn_norm.weight",
    [DLX__ROLE_Q] = "blk.%d.attn_q.weight",
    [DLX__ROLE_K] = "blk.%d.attn_k.weight",
    [DLX__ROLE_V] = "blk.%d.attn_v.weight",
    [DLX__ROLE_Q_BIAS] = "blk.%d.attn_q.bias",
    [DLX__ROLE_K_BIAS] = "blk.%d.attn_k.bias",
    [DLX__ROLE_V_BIAS] = "blk.%d.attn_v.bias",
    [DLX__ROLE_Q_NORM] = "blk.%d.attn_q_norm.weight",
    [DLX__ROLE_K_NORM] = "blk.%d.attn_k_norm.weight",
    [DLX__ROLE_O] = "blk.%d.attn_output.weight",
    [DLX__ROLE_MLP_NORM] = "blk.%d.ffn_norm.weight",
    [DLX__ROLE_GATE] = "blk.%d.ffn_gate.weight",
    [DLX__ROLE_UP] = "blk.%d.ffn_up.weight",
    [DLX__ROLE_DOWN] = "blk.%d.ffn_down.weight",
};

static const bool per_layer[DLX__N_ROLES] = {
#define ROLE_ROW(name, is_per_layer) [DLX__ROLE_##name] = is_per_layer,
    DLX__ROLES(ROLE_ROW)
#undef ROLE_ROW
};

bool dlx__role_per_layer(dlx__role role)
{
    return per_layer[role];
}

bool dlx__role_name(char out[160], const dlx__family *f, dlx__checkpoint_kind kind, dlx__role role,
                    size_t layer)
{
    if (!f->hf_names[role])
        return false;
    const char *pattern = kind == DLX__CHECKPOINT_GGUF ? gguf_names[role] : f->hf_names[role];
    const char *mark = strstr(pattern, "%d");
    if (mark)
        snprintf(out, 160, "%.*s%zu%s", (int)(mark - pattern), pattern, layer, mark + 2);
    else
        snprintf(out, 160, "%s", pattern);
    return true;
}

int dlx__role_shape(const dlx__hparams *hp, dlx__role role, size_t shape[2])
{
    size_t q = hp->n_heads * hp->head_dim;
    size_t kv = hp->n_heads_kv * hp->head_dim;
    size_t rows = hp->n_embd;
    size_t cols = 0; /* 0: a vector */
    switch (role) {
    case DLX__ROLE_EMBED:
    case DLX__ROLE_HEAD:
        rows = hp->n_rows_vocab;
        cols = hp->n_embd;
        break;
    case DLX__ROLE_Q:
    case DLX__ROLE_K:
    case DLX__ROLE_V:
        rows = role == DLX__ROLE_Q ? q : kv;
        cols = hp->n_embd;
        break;
    case DLX__ROLE_Q_BIAS:
        rows = q;
        break;
    case DLX__ROLE_K_BIAS:
    case DLX__ROLE_V_BIAS:
        rows = kv;
        break;
    case DLX__ROLE_Q_NORM:
    case DLX__ROLE_K_NORM:
        rows = hp->head_dim;
        break;
    case DLX__ROLE_O:
        cols = q;
        break;
    case DLX__ROLE_GATE:
    case DLX__ROLE_UP:
        rows = hp->n_ff;
        cols = hp->n_embd;
        break;
    case DLX__ROLE_DOWN:
        cols = hp->n_ff;
        break;
    case DLX__ROLE_FINAL_NORM:
    case DLX__ROLE_ATTN_NORM:
    case DLX__ROLE_MLP_NORM:
    case DLX__N_ROLES:
        break;
    }
    shape[0] = rows;
    shape[1] = cols;
    return cols ? 2 : 1;
}

/* What binding needs at hand. */
typedef struct binder {
    dlx__model *m;
    const dlx__weights *w;
    bool *taken;      /* [w->n] */
    dlx__dtype dtype; /* of tensors known by name only */
} binder;

/* A tensor that has a name and a shape, no bytes. */
static const dlx__tensor *shape_only(binder *b, const char *name, const size_t shape[2], int n_dims,
                                     dlx_error *err)
{
    dlx__tensor *t = dlx__arena_alloc(&b->m->arena, 1, sizeof *t);
    char *copy = dlx__arena_strdup(&b->m->arena, name);
    if (!t || !copy) {
        dlx__fail_memory(err, "listing the model's tensors", sizeof *t + strlen(name) + 1);
        return NULL;
    }
    *t = (dlx__tensor){
        .name = copy, .dtype = b->dtype, .n_dims = n_dims, .shape = {shape[0], shape[1]}};
    t->n_bytes = dlx__dtype_bytes(t->dtype, dlx__tensor_elems(t));
    return t;
}

static dlx_result check_tensor(const binder *b, size_t i, const size_t shape[2], int n_dims,
                               dlx_error *err)
{
    const dlx__tensor *t = &b->w->tensors[i];
    char found[96];
    char wanted[96];
    bool same = t->n_dims == n_dims;
    for (int j = 0; same && j < n_dims; j++)
        same = t->shape[j] == shape[j];
    if (!same)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected tensor %s to be %s by the model's configuration, found %s; "
                         "use the configuration that came with these weights",
                         b->w->files[i], t->name, dlx__shape_text(wanted, shape, n_dims),
                         dlx__shape_text(found, t->shape, t->n_dims));
    const dlx__dtype_info *type = dlx__dtype_of(t->dtype);
    if (n_dims == 1 && type->block_elems != 1)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected the vector %s as f32, f16 or bf16, found %s; quantize only "
                         "matrices",
                         b->w->files[i], t->name, type->name);
    if (t->shape[n_dims - 1] % type->block_elems != 0)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected the rows of %s to be whole %s blocks of %zu, found rows of "
                         "%zu; quantize this tensor to another type",
                         b->w->files[i], t->name, type->name, type->block_elems,
                         t->shape[n_dims - 1]);
    return DLX_OK;
}

static dlx_result missing(const binder *b, const char *name, const size_t shape[2], int n_dims,
                          dlx_error *err)
{
    char wanted[96];
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected a tensor %s %s for a %s model of %zu layers, found none; fetch "
                     "the checkpoint again or use the configuration that came with it",
                     b->m->checkpoint.path, name, dlx__shape_text(wanted, shape, n_dims),
                     b->m->family->name, b->m->hp.n_layers);
}

/* Binds one role. *out stays NULL when an `optional` tensor is not there. */
static dlx_result bind_role(binder *b, dlx__role role, size_t layer, bool optional,
                            const dlx__tensor **out, dlx_error *err)
{
    char name[160];
    size_t shape[2];
    *out = NULL;
    if (!dlx__role_name(name, b->m->family, b->m->checkpoint.kind, role, layer))
        return DLX_OK;
    int n_dims = dlx__role_shape(&b->m->hp, role, shape);
    size_t i = dlx__weights_find(b->w, name);
    if (i == SIZE_MAX && b->w->n != 0)
        return optional ? DLX_OK : missing(b, name, shape, n_dims, err);
    if (i == SIZE_MAX && optional)
        return DLX_OK;
    if (i != SIZE_MAX)
        b->taken[i] = true;
    if (!b->m->has_weights) {
        *out = shape_only(b, name, shape, n_dims, err);
        return *out ? DLX_OK : DLX_E_NOMEM;
    }
    DLX__TRY(check_tensor(b, i, shape, n_dims, err));
    *out = &b->w->tensors[i];
    return DLX_OK;
}

/* Both in the file and said to be tied: harmless when one is a copy of the other. */
static dlx_result check_copy(const binder *b, const dlx__tensor *head, const dlx__tensor *embed,
                             dlx_error *err)
{
    if (!head->data || !embed->data)
        return DLX_OK;
    if (head->dtype == embed->dtype && head->n_bytes == embed->n_bytes &&
        memcmp(head->data, embed->data, head->n_bytes) == 0)
        return DLX_OK;
    return dlx__fail(
        err, DLX_E_MISMATCH,
        "%s: the configuration says that the head is the embedding, but expected %s to "
        "equal %s then and found other numbers; correct tie_word_embeddings "
        "(weight_tying) to false, or remove the tensor",
        b->m->checkpoint.path, head->name, embed->name);
}

static dlx_result bind_head(binder *b, dlx_error *err)
{
    dlx__model *m = b->m;
    dlx__hparams *hp = &m->hp;
    const dlx__tensor **head = &m->roles[DLX__ROLE_HEAD * hp->n_layers];
    const dlx__tensor *embed = m->roles[DLX__ROLE_EMBED * hp->n_layers];
    bool said_tied = hp->tied_stated && hp->tied;
    /* Silent about it: without weights to look at, a head of its own is what most models have. */
    bool optional = said_tied || (!hp->tied_stated && b->w->n != 0);
    DLX__TRY(bind_role(b, DLX__ROLE_HEAD, 0, optional, head, err));
    if (*head && said_tied) {
        DLX__TRY(check_copy(b, *head, embed, err));
        *head = NULL;
    }
    hp->tied = *head == NULL;
    if (hp->tied)
        *head = embed;
    return DLX_OK;
}

/* Buffers that old checkpoints carry and that nobody reads: RoPE's frequencies. */
static bool ignored(const char *name)
{
    static const char suffix[] = "rotary_emb.inv_freq";
    size_t n = strlen(name);
    return n >= sizeof suffix - 1 && strcmp(name + n - (sizeof suffix - 1), suffix) == 0;
}

static dlx_result check_surplus(const binder *b, dlx_error *err)
{
    for (size_t i = 0; i < b->w->n; i++)
        if (!b->taken[i] && !ignored(b->w->tensors[i].name))
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected only the tensors of a %s model of %zu layers, found %s "
                             "besides; use the configuration that came with these weights",
                             b->w->files ? b->w->files[i] : b->m->checkpoint.path,
                             b->m->family->name, b->m->hp.n_layers, b->w->tensors[i].name);
    return DLX_OK;
}

static dlx_result bind_all(binder *b, dlx_error *err)
{
    size_t n_layers = b->m->hp.n_layers;
    for (int role = 0; role < DLX__N_ROLES; role++) {
        if (role == DLX__ROLE_HEAD)
            continue;
        size_t n = per_layer[role] ? n_layers : 1;
        for (size_t layer = 0; layer < n; layer++)
            DLX__TRY(bind_role(b, (dlx__role)role, layer, false,
                               &b->m->roles[(size_t)role * n_layers + layer], err));
    }
    DLX__TRY(bind_head(b, err));
    return check_surplus(b, err);
}

/* What the configuration says the weights are stored as; bf16 is what they usually are. */
static dlx__dtype stored_dtype(const dlx__checkpoint *c)
{
    const char *name = json_string_value(json_object_get(c->config, "torch_dtype"));
    if (name && strcmp(name, "float32") == 0)
        return DLX__F32;
    return name && strcmp(name, "float16") == 0 ? DLX__F16 : DLX__BF16;
}

dlx_result dlx__bind(dlx__model *m, dlx_error *err)
{
    binder b = {.m = m,
                .w = dlx__checkpoint_weights(&m->checkpoint),
                .dtype = stored_dtype(&m->checkpoint)};
    m->has_weights = b.w->n != 0 && b.w->shapes_known;
    m->roles =
        dlx__arena_alloc(&m->arena, dlx__mul(DLX__N_ROLES, m->hp.n_layers), sizeof *m->roles);
    b.taken = dlx__alloc_zero(m->mem, dlx__max(b.w->n, 1), sizeof *b.taken);
    dlx_result r = m->roles && b.taken
                       ? bind_all(&b, err)
                       : dlx__fail_memory(err, "listing the model's tensors",
                                          DLX__N_ROLES * m->hp.n_layers * sizeof *m->roles);
    dlx__free(m->mem, b.taken);
    return r;
}
