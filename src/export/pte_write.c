/*
 * pte_write.c - the bytes of a .pte (and .ptd) file from front to back: the flatbuffer with the
 * header that goes behind its eighth byte, then the segments as their producers hand them over.
 */
#include "export/pte_write.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/pte_build.h"
#include "export/pte_layout.h"

#include <string.h>

enum { FLAT_HEAD = 8, PTD_HEAD = 48, STEP = 1 << 20 }; /* bytes between two calls of on_progress */

struct dlx__pte_sink {
    dlx__writer *file;
    const char *path;
    const dlx__pte_write_opts *opts;
    uint64_t left;                    /* of the blob that is being written */
    uint64_t n_done, n_told, n_total; /* of all files */
};

typedef struct job {
    const dlx__pte *p;
    dlx__pte_layout layout;
    dlx__arena arena;
    dlx__flat flat, outside_flat;
    const uint8_t *program, *outside; /* finished flatbuffers */
    size_t n_program, n_outside;
    dlx__pte_sink sink;
} job;

static dlx_result tell(dlx__pte_sink *s, dlx_error *err)
{
    if (!s->opts->on_progress || (s->n_done < s->n_total && s->n_done - s->n_told < STEP))
        return DLX_OK;
    s->n_told = s->n_done;
    if (s->opts->on_progress(s->opts->user, s->n_done, s->n_total))
        return DLX_OK;
    return dlx__fail(err, DLX_CANCELLED, "%s: writing was stopped", s->path);
}

dlx_result dlx__pte_sink_put(dlx__pte_sink *s, const void *bytes, size_t n, dlx_error *err)
{
    if (n > s->left)
        return dlx__fail(err, DLX_E_ARG, "%s: expected %llu bytes more of this data, was given %zu",
                         s->path, (unsigned long long)s->left, n);
    DLX__TRY(dlx__writer_write(s->file, bytes, n, err));
    s->left -= n;
    s->n_done += n;
    return tell(s, err);
}

static dlx_result write_blob(dlx__pte_sink *s, const dlx__pte_blob *b, dlx_error *err)
{
    s->left = b->n_bytes;
    if (b->bytes)
        return dlx__pte_sink_put(s, b->bytes, (size_t)b->n_bytes, err);
    if (b->n_bytes == 0)
        return DLX_OK;
    DLX__TRY(b->produce(b->user, s, err));
    if (s->left == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG, "%s: expected %llu bytes of data, was given %llu fewer",
                     s->path, (unsigned long long)b->n_bytes, (unsigned long long)s->left);
}

/* Zeros up to byte `offset` of the file. */
static dlx_result pad_to(dlx__pte_sink *s, uint64_t offset, dlx_error *err)
{
    static const uint8_t zeros[4096];
    for (uint64_t at = dlx__writer_tell(s->file); at < offset; at = dlx__writer_tell(s->file)) {
        const uint64_t n = offset - at;
        DLX__TRY(
            dlx__writer_write(s->file, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros, err));
    }
    return DLX_OK;
}

/* Blobs that share the segment at `base`. */
static dlx_result write_stack(dlx__pte_sink *s, uint64_t base, const dlx__pte_blob *blobs,
                              const uint64_t *offsets, size_t n, dlx_error *err)
{
    for (size_t i = 1; i < n; i++) {
        DLX__TRY(pad_to(s, base + offsets[i], err));
        DLX__TRY(write_blob(s, &blobs[i], err));
    }
    return DLX_OK;
}

/* A flatbuffer with `head` behind its eighth byte, which moves the root table. */
static dlx_result write_flat(dlx__pte_sink *s, const uint8_t *flat, size_t n, const uint8_t *head,
                             size_t n_head, dlx_error *err)
{
    uint8_t first[FLAT_HEAD];
    uint32_t root;
    memcpy(first, flat, sizeof first);
    memcpy(&root, first, sizeof root);
    root += (uint32_t)n_head;
    memcpy(first, &root, sizeof root);
    DLX__TRY(dlx__writer_write(s->file, first, sizeof first, err));
    DLX__TRY(dlx__writer_write(s->file, head, n_head, err));
    return dlx__writer_write(s->file, flat + FLAT_HEAD, n - FLAT_HEAD, err);
}

/* Where the segments begin. */
static uint64_t base_of(const job *j, size_t n_head, size_t n_flat)
{
    return dlx__align(dlx__max(n_head + n_flat, DLX__PTE_MIN_BYTES), (size_t)j->layout.align);
}

static dlx_result write_program(job *j, dlx_error *err)
{
    dlx__pte_sink *s = &j->sink;
    const dlx__pte *p = j->p;
    const dlx__pte_layout *l = &j->layout;
    const uint64_t base = base_of(j, DLX__PTE_HEADER_BYTES, j->n_program);
    const uint64_t numbers[] = {DLX__PTE_HEADER_BYTES + j->n_program, base, l->data_bytes};
    uint8_t head[DLX__PTE_HEADER_BYTES] = "eh00";
    head[4] = DLX__PTE_HEADER_BYTES;
    memcpy(head + 8, numbers, sizeof numbers);
    DLX__TRY(write_flat(s, j->program, j->n_program, head, sizeof head, err));
    DLX__TRY(write_stack(s, base + l->segments[l->constants].offset, p->constants,
                         l->constant_offsets, p->n_constants, err));
    if (p->n_initials)
        DLX__TRY(write_stack(s, base + l->segments[l->initials].offset, p->initials,
                             l->initial_offsets, p->n_initials, err));
    for (size_t i = 0; i < p->n_payloads; i++) {
        DLX__TRY(pad_to(s, base + l->segments[l->payloads + i].offset, err));
        DLX__TRY(write_blob(s, &p->payloads[i], err));
    }
    for (size_t i = 0; !l->outside && i < p->n_named; i++) {
        DLX__TRY(pad_to(s, base + l->segments[l->named + i].offset, err));
        DLX__TRY(write_blob(s, &p->named[i].blob, err));
    }
    return pad_to(s, base + l->data_bytes, err);
}

static dlx_result write_outside(job *j, dlx_error *err)
{
    dlx__pte_sink *s = &j->sink;
    const dlx__pte_layout *l = &j->layout;
    const uint64_t base = base_of(j, PTD_HEAD, j->n_outside);
    const uint64_t numbers[] = {PTD_HEAD, j->n_outside, base, l->outside_bytes};
    uint8_t head[PTD_HEAD] = "FH01";
    head[4] = DLX__PTD_HEADER_BYTES;
    memcpy(head + 8, numbers, sizeof numbers);
    DLX__TRY(write_flat(s, j->outside, j->n_outside, head, sizeof head, err));
    for (size_t i = 0; i < j->p->n_named; i++) {
        DLX__TRY(pad_to(s, base + l->outside[i].offset, err));
        DLX__TRY(write_blob(s, &j->p->named[i].blob, err));
    }
    return pad_to(s, base + l->outside_bytes, err);
}

/* Writes a whole file under its temporary name; the writer stays open for the commit. */
static dlx_result write_file(job *j, const char *path, dlx_result (*write)(job *, dlx_error *),
                             dlx__writer **out, uint64_t *n_bytes, dlx_error *err)
{
    dlx__pte_sink *s = &j->sink;
    s->path = path;
    DLX__TRY(dlx__writer_open(out, path, s->opts->mem, err));
    s->file = *out;
    dlx_result r = write(j, err);
    *n_bytes = dlx__writer_tell(s->file);
    return r;
}

static void sum_up(const job *j, dlx__pte_written *w)
{
    const dlx__pte *p = j->p;
    w->program_bytes = DLX__PTE_HEADER_BYTES + j->n_program;
    for (size_t i = 0; i < p->n_constants; i++)
        w->constant_bytes += p->constants[i].n_bytes;
    for (size_t i = 0; i < p->n_initials; i++)
        w->constant_bytes += p->initials[i].n_bytes;
    for (size_t i = 0; i < p->n_payloads; i++)
        w->payload_bytes += p->payloads[i].n_bytes;
    for (size_t i = 0; i < p->n_named; i++)
        w->named_bytes += p->named[i].blob.n_bytes;
}

static dlx_result build(job *j, dlx__pte_written *w, dlx_error *err)
{
    const bool outside = j->sink.opts->data_path != NULL;
    DLX__TRY(dlx__pte_check(j->p, err));
    DLX__TRY(
        dlx__pte_lay_out(&j->layout, j->p, j->sink.opts->segment_align, outside, &j->arena, err));
    DLX__TRY(dlx__pte_program_flat(&j->flat, j->p, &j->layout, &j->program, &j->n_program, err));
    sum_up(j, w);
    j->sink.n_total = w->constant_bytes + w->payload_bytes + w->named_bytes;
    if (!outside)
        return DLX_OK;
    return dlx__pte_outside_flat(&j->outside_flat, j->p, &j->layout, &j->outside, &j->n_outside,
                                 err);
}

/* Both files are complete before either gets its name; the data comes first. */
static dlx_result write_all(job *j, const char *path, dlx__pte_written *w, dlx_error *err)
{
    const char *data_path = j->sink.opts->data_path;
    dlx__writer *data = NULL, *program = NULL;
    dlx_result r;
    DLX__GO(build(j, w, err));
    if (data_path)
        DLX__GO(write_file(j, data_path, write_outside, &data, &w->ptd_bytes, err));
    DLX__GO(write_file(j, path, write_program, &program, &w->pte_bytes, err));
    if (data) {
        r = dlx__writer_commit(data, err);
        data = NULL;
    }
    if (r == DLX_OK) {
        r = dlx__writer_commit(program, err);
        program = NULL;
    }
done:
    dlx__writer_abandon(program);
    dlx__writer_abandon(data);
    return r;
}

dlx_result dlx__pte_write(const dlx__pte *p, const char *path, const dlx__pte_write_opts *opts,
                          dlx__pte_written *written, dlx_error *err)
{
    static const dlx__pte_write_opts none = {0};
    dlx__pte_written local;
    dlx__pte_written *w = written ? written : &local;
    *w = (dlx__pte_written){0};
    job j = {.p = p, .sink = {.opts = opts ? opts : &none}};
    const dlx_allocator *mem = j.sink.opts->mem;
    dlx__arena_init(&j.arena, mem);
    dlx__flat_init(&j.flat, mem);
    dlx__flat_init(&j.outside_flat, mem);
    dlx_result r = write_all(&j, path, w, err);
    dlx__flat_release(&j.outside_flat);
    dlx__flat_release(&j.flat);
    dlx__arena_release(&j.arena);
    return r;
}
