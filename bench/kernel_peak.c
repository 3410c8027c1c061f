/* kernel_peak.c - choosing among the loops of the probe. */
#include "kernel_peak.h"

#include "base/os.h"

/* Asked once: a virtual machine takes long over it. */
static const dlx__probe_set *set;
static dlx__cpu cpu;

/* Operations a second, the best of a few tries. */
static double rate(const dlx__probe_loop *loop)
{
    enum { TRIES = 5, ROUNDS = 20000 };
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        const double start = dlx__os_seconds();
        loop->run(ROUNDS);
        const double now = (double)(loop->n_ops * ROUNDS) / (dlx__os_seconds() - start);
        best = now > best ? now : best;
    }
    return best;
}

const dlx__probe_loop *peak_loop(dlx__peak peak)
{
    const dlx__probe_loop *fastest = NULL;
    double most = 0;
    if (!set) {
        dlx__cpu_detect(&cpu);
        set = dlx__probe_best(&cpu);
    }
    for (size_t i = 0; i < set->n_loops; i++) {
        if (set->loops[i].peak != peak || !set->loops[i].runs_on(&cpu))
            continue;
        const double now = rate(&set->loops[i]);
        if (now > most) {
            most = now;
            fastest = &set->loops[i];
        }
    }
    if (fastest || peak == DLX__PEAK_F32)
        return fastest;
    return peak_loop(peak == DLX__PEAK_INT4 ? DLX__PEAK_INT8 : DLX__PEAK_F32);
}

void peak_read(const uint8_t *data, size_t n_bytes)
{
    (void)set->read(data, n_bytes / DLX__PROBE_GRAIN * DLX__PROBE_GRAIN);
}
