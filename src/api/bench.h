/* bench.h - what the files of the benchmark share. */
#ifndef DLX__BENCH_H
#define DLX__BENCH_H

#include "api/api.h"
#include "base/arena.h"
#include "kernel/probe.h"

#include <dlx/tools.h>

/* ---- samples (bench_samples.c) --------------------------------------------------------------- */

typedef struct dlx__samples {
    double *at; /* [capacity] */
    size_t n, capacity;
} dlx__samples;

/* Adds a sample; drops it when there is no room. */
void dlx__samples_add(dlx__samples *s, double x);

/*
 * The value that the part p (0 to 1) of x [n] does not exceed, between two neighbours in
 * proportion: 0 is the least, 0.5 the median. Sorts x. n = 0: 0.
 */
double dlx__percentile(double *x, size_t n, double p);

double dlx__samples_least(dlx__samples *s);
double dlx__samples_most(dlx__samples *s);
double dlx__samples_median(dlx__samples *s);

/* ---- roofs (bench_roof.c) -------------------------------------------------------------------- */

/* What a pass cannot do without. */
typedef struct dlx__work {
    double bytes;             /* of weights, each read once */
    double ops[DLX__N_PEAKS]; /* by the peak they can reach; attention is F32 or BF16 */
} dlx__work;

/* What matrices of a stored type are multiplied as: a type's name, or "int8". */
const char *dlx__multiplied_as(dlx__dtype dtype, const dlx__arithmetic *a);

/* The peak that these products can reach. */
dlx__peak dlx__peak_of(dlx__dtype dtype, const dlx__arithmetic *a);

/* Of `rows` rows at the positions context .. context + rows - 1, the head on all of them. */
/* `stored`: of all matrices; NULL: as each of them says. */
void dlx__work_of_pass(dlx__work *work, const dlx__model *m, const dlx__arithmetic *a,
                       const dlx__dtype *stored, size_t rows, size_t context);

/* Bytes of the weights of layer 0, as a pass reads them. */
size_t dlx__layer_bytes(const dlx__model *m, const dlx__arithmetic *a);

double dlx__work_ops(const dlx__work *work); /* the sum */

/* Seconds that the pass takes at least, at these rates. */
double dlx__work_roof(const dlx__work *work, const dlx__rates *rates);

/* ---- the benchmark --------------------------------------------------------------------------- */

typedef struct dlx__bench_pass {
    size_t rows, context;
    size_t n_repeats; /* in a round; 0: not known yet */
    dlx__work work;
    dlx__samples seconds, head_seconds;
} dlx__bench_pass;

/* Passes and probes of one number of threads. */
typedef struct dlx__bench_team {
    int n_threads;
    dlx__bench_pass *passes; /* [n_passes] */
    size_t n_passes;
    dlx__samples read[DLX__N_READS], peak[DLX__N_PEAKS];
    const char *instruction_set;
} dlx__bench_team;

/* One of the generations, over all prompts. */
typedef struct dlx__bench_gen {
    dlx_bench_run run;
    dlx_gen_opts gen; /* of run.gen, where a program has room for a shorter answer alone */
    dlx__arithmetic arithmetic;
    dlx_session *session; /* shared by those with the same backend, threads and arithmetic */
    bool owns_session;
    dlx__samples seconds;       /* a round's sum over the prompts */
    dlx__samples first_seconds; /* a round's mean over them: until the first token */
    dlx__samples prefill_seconds, decode_seconds; /* two parts of `seconds` */
    size_t tokens, passes, rows, prompt_tokens;   /* of a round */
    size_t decode_passes, decode_rows;            /* of these, what was not for the prompt alone */
    dlx_token **answers; /* [n_prompts] of the exact decode: what the others are held against */
    size_t *n_answers;   /* [n_prompts] */
    size_t n_same, n_compared, n_identical;
} dlx__bench_gen;

/* How a program computes, as dlx export names it. */
typedef struct dlx__bench_program {
    const char *weights, *scheme; /* NULL: it is no program */
    const char *kernels;          /* what its delegate is computed by */
    size_t n_positions; /* of an answer and its prompt at most; 0: it is no program, no limit */
    uint64_t n_bytes;   /* of its weights */
} dlx__bench_program;

typedef struct dlx__bench {
    const dlx_model *model;
    const dlx_bench_opts *opts;
    const dlx__backend_class *backend;
    dlx__arithmetic arithmetic; /* of the passes */
    dlx_error *err;
    dlx__arena arena;
    const size_t *rows, *contexts; /* [n_rows], [n_contexts] */
    size_t n_rows, n_contexts, n_rounds;
    size_t n_ctx, n_step_rows;  /* of the passes' backend */
    size_t most_rows;           /* of a pass of the program; 0: no program, no limit */
    dlx__bench_program program; /* what is told of one */
    const dlx__dtype *stored; /* what the program's matrices are like; NULL: as each tensor says */
    dlx__bench_team *teams;   /* [n_teams] */
    size_t n_teams;
    dlx__bench_gen *gens; /* [n_gens], the exact one last if there is one */
    size_t n_gens;
    dlx_bench_prompt *prompts; /* [n_prompts] */
    size_t n_prompts;
    double load_seconds, first_pass_seconds;
    size_t peak_rss;
    size_t n_done, n_all; /* pieces of work, for the caller's eyes */
} dlx__bench;

/* Tells the caller what comes next; DLX_CANCELLED when that ends it. */
dlx_result dlx__bench_tell(dlx__bench *b, const char *what);

/* Loads the backend for one team and times its passes, the probe between them (bench_passes.c). */
dlx_result dlx__bench_passes(dlx__bench *b, dlx__bench_team *team);

/* Times the generations in turns (bench_generate.c). */
dlx_result dlx__bench_generate(dlx__bench *b);
void dlx__bench_close_sessions(dlx__bench *b);

/* NULL: no memory (bench_report.c). */
json_t *dlx__bench_report(dlx__bench *b, bool complete);

/* ---- programs (bench_program.c, bench_fit.c) ------------------------------------------------- */

/* Positions and rows that a program has room for. */
typedef struct dlx__bench_room {
    size_t n_ctx, n_rows;
} dlx__bench_room;

/* Sets program and stored too. */
dlx_result dlx__bench_find_room(dlx__bench *b, dlx__bench_room *to);

/* Rows and contexts that nobody named become those that the program has room for; the others are
 * refused. Sets most_rows, program and stored. */
dlx_result dlx__bench_fit_program(dlx__bench *b);

/* Makes an answer shorter that a program has no room for, where that is asked for; else refuses it.
 */
dlx_result dlx__bench_fit_answer(dlx__bench *b, dlx__bench_gen *g);

/* Of the checkpoint or of the program. */
uint64_t dlx__bench_weights_bytes(const dlx__bench *b);

/* Numbers that a program's weights are; a tied head's are those of the table. */
size_t dlx__bench_program_params(const dlx__bench *b);

#endif
