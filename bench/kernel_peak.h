/* kernel_peak.h - what the machine can do at most, by the loops of kernel/probe.h. */
#ifndef KERNEL_PEAK_H
#define KERNEL_PEAK_H

#include "kernel/probe.h"

/* The fastest loop for a peak; where the machine has none, that for the next plainer one. */
const dlx__probe_loop *peak_loop(dlx__peak peak);

/* Reads n_bytes but for a rest below the probe's grain; after the first peak_loop. */
void peak_read(const uint8_t *data, size_t n_bytes);

#endif
