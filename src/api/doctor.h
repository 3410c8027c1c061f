/* doctor.h - the machine as reports name it. */
#ifndef DLX__DOCTOR_H
#define DLX__DOCTOR_H

#include <jansson.h>

/* {"os","cpu","cores","fast_cores","memory_bytes","instruction_sets":[...],"kernels"}; NULL: no
 * memory. */
json_t *dlx__machine_report(void);

#endif
