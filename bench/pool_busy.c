/*
 * pool_busy.c - what a team of threads loses where other processes want the same cores. Usage:
 *
 *   pool_busy [microseconds] [busy] [threads] [turns]      (100 2 0 20)
 *
 * A pass is 200 runs of the pool, each of the given microseconds on a quiet machine. Passes are
 * timed alone and beside `busy` processes that never rest, in turns with threads that do the same
 * work and never wait for each other. Told are the time of a run, and the share of the work of the
 * free threads that the team gets done: what waiting costs. That share means something on a machine
 * with other work too, the times do not. With a busy process on every core a fair system leaves us
 * half of it: the time of a run is then 2 / share of the quiet one.
 */
#define _GNU_SOURCE

#include "base/os.h"
#include "base/pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 200, MOST_BUSY = 64, MOST_THREADS = 1024, LINE = 64, SHORT_RUN = 20 /* us */ };

/* Seconds of a turn of one kind: many time slices, and short enough for what else the machine does
 * to be the same for both kinds. */
static const double TURN = 0.15;

typedef struct job {
    long n;       /* iterations of all shares together */
    double until; /* free threads: when to stop */
    struct {
        uint64_t sink, n_done;
        char rest[LINE - 2 * sizeof(uint64_t)];
    } of[MOST_THREADS];
} job;

static void burn(void *arg, int share, int n_shares)
{
    job *j = arg;
    uint64_t x = (uint64_t)share + 1;
    for (long i = 0; i < j->n / n_shares; i++)
        x = x * 6364136223846793005u + (x >> 33);
    j->of[share].sink = x;
}

static void burn_freely(void *arg, int share, int n_shares)
{
    job *j = arg;
    for (j->of[share].n_done = 0; dlx__os_seconds() < j->until; j->of[share].n_done++)
        burn(arg, share, n_shares);
}

/* Runs a second of the team; *best seconds of the fastest run, as the mean of a pass. */
static double team_rate(dlx__pool *pool, job *j, double *best)
{
    double begun = dlx__os_seconds(), at = begun;
    size_t n = 0;
    for (; at - begun < TURN; n += RUNS) {
        for (int i = 0; i < RUNS; i++)
            dlx__pool_run(pool, burn, j);
        double now = dlx__os_seconds();
        *best = (now - at) / RUNS < *best ? (now - at) / RUNS : *best;
        at = now;
    }
    return (double)n / (at - begun);
}

/* The same of threads that never wait. */
static double free_rate(dlx__pool *pool, job *j)
{
    double begun = dlx__os_seconds(), n = 0;
    j->until = begun + TURN;
    dlx__pool_run(pool, burn_freely, j);
    for (int i = 0; i < dlx__pool_size(pool); i++)
        n += (double)j->of[i].n_done;
    return n / dlx__pool_size(pool) / (dlx__os_seconds() - begun);
}

/* Sets j->n to what takes the whole team `microseconds`. */
static void calibrate(job *j, int n_threads, double microseconds)
{
    double best = 1e9;
    j->n = 1000000;
    for (int i = 0; i < 20; i++) {
        double at = dlx__os_seconds();
        burn(j, 0, 1);
        double took = dlx__os_seconds() - at;
        best = took < best ? took : best;
    }
    j->n = (long)((double)j->n * microseconds * 1e-6 * n_threads / best);
}

static void measure(dlx__pool *pool, job *j, int turns, const char *how)
{
    double best = 1e9, team = 0, unbound = 0;
    for (int i = 0; i < turns; i++) {
        team += team_rate(pool, j, &best);
        unbound += free_rate(pool, j);
    }
    printf("%s: %.1f us a run (best pass %.1f), %.2f of the work of free threads\n", how,
           1e6 * turns / team, 1e6 * best, team / unbound);
}

int main(int argc, char **argv)
{
    static job j;
    double microseconds = argc > 1 ? atof(argv[1]) : 100;
    int n_busy = argc > 2 ? atoi(argv[2]) : 2;
    int turns = argc > 4 ? atoi(argv[4]) : 20;
    pid_t busy[MOST_BUSY];
    dlx__pool *pool;
    dlx_error err;
    if (n_busy < 0 || n_busy > MOST_BUSY || turns < 1 ||
        dlx__pool_open(&pool, argc > 3 ? atoi(argv[3]) : 0, NULL, &err) != DLX_OK)
        return 2;
    calibrate(&j, dlx__pool_size(pool), SHORT_RUN);
    measure(pool, &j, turns, "alone, runs of 20 us");
    calibrate(&j, dlx__pool_size(pool), microseconds);
    measure(pool, &j, turns, "alone");
    for (int i = 0; i < n_busy; i++) {
        busy[i] = fork();
        if (busy[i] == 0)
            for (volatile uint64_t x = 0;; x++)
                continue;
    }
    measure(pool, &j, turns, "beside busy processes");
    for (int i = 0; i < n_busy; i++) {
        kill(busy[i], SIGKILL);
        waitpid(busy[i], NULL, 0);
    }
    dlx__pool_free(pool);
    return 0;
}
