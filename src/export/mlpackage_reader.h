/* mlpackage_reader.h - what the files that read a package share. */
#ifndef DLX__MLPACKAGE_READER_H
#define DLX__MLPACKAGE_READER_H

#include "export/mlpackage_read.h"
#include "format/proto_view.h"

/* Codes of MIL's element types that the checks speak of. */
enum {
    DLX__MIL_BOOL = 1,
    DLX__MIL_STRING = 2,
    DLX__MIL_F16 = 10,
    DLX__MIL_F32 = 11,
    DLX__MIL_F64 = 12,
    DLX__MIL_I8 = 21,
    DLX__MIL_I32 = 23,
    DLX__MIL_I64 = 24
};

/* A record of weights that something refers to. */
typedef struct dlx__mil_record {
    uint64_t offset;         /* of the record's description */
    uint64_t begin, n_bytes; /* of its data */
    int element;             /* MIL's code */
    size_t function;         /* the first that uses it */
    bool shared;
} dlx__mil_record;

/* Names of values that may be read, by scope: what a block brought is hidden when it ends. */
typedef struct dlx__mil_names {
    dlx__arena *arena;
    struct dlx__mil_named {
        const dlx__mil_value *value;
        uint64_t hash;
        bool visible;
    } * all;       /* [n] in the order of their making */
    size_t *slots; /* [n_slots] 1 + index in all; 0: free */
    size_t n, capacity, n_slots;
    uint64_t seed;
} dlx__mil_names;

bool dlx__mil_names_init(dlx__mil_names *names, dlx__arena *arena); /* false: no memory */
/* The visible value of this name, or NULL. */
const dlx__mil_value *dlx__mil_names_find(const dlx__mil_names *names, const char *name);
/* A name that is not visible; false: no memory. */
bool dlx__mil_names_add(dlx__mil_names *names, const dlx__mil_value *value);
/* Hides all but the first n. */
void dlx__mil_names_leave(dlx__mil_names *names, size_t n);

typedef struct dlx__mlpackage_reader {
    dlx__mlpackage_file *file;
    dlx__mlpackage_parts parts;
    dlx__proto_view view;
    dlx__proto_message description, program;
    size_t function; /* that is being read */
    dlx__mil_record *records;
    size_t n_records, records_capacity;
} dlx__mlpackage_reader;

/* NULL with a fault in the view. */
void *dlx__mlpackage_alloc(dlx__mlpackage_reader *r, size_t n, size_t size);
/* Room for one more at the end of values, or of counts; NULL with a fault. */
dlx__mil_value *dlx__mil_values_add(dlx__mlpackage_reader *r, dlx__mil_values *values);
/* One more of the name; false with a fault. */
bool dlx__mil_counts_add(dlx__mlpackage_reader *r, dlx__mil_counts *counts, const char *name,
                         uint64_t n_bytes);
const dlx__mil_value *dlx__mil_values_find(const dlx__mil_values *values, const char *name);

/* Bits of a number of MIL's type; 0: the type has no such thing, or is not known. */
unsigned dlx__mil_element_bits(int element);
/* Elements of a tensor, SIZE_MAX where that is not known or too many. */
size_t dlx__mil_n_elements(const dlx__mil_type *t);
bool dlx__mil_same_type(const dlx__mil_type *a, const dlx__mil_type *b);
/* "f16 [1, 32, 64]" */
typedef struct dlx__mil_text {
    char text[160];
} dlx__mil_text;
dlx__mil_text dlx__mil_type_text(const dlx__mil_type *t);

/* An operation while it is read. */
typedef struct dlx__mil_operation {
    const char *type;
    char where[256]; /* begins the sentences: "function denoise, linear of h_1" */
    dlx__mil_values outputs;
    dlx__mil_values arguments; /* by parameter; several of one are its list */
    dlx__mil_value constant;   /* of a const */
    size_t n_constants, n_parameters;
    bool effect; /* nothing comes out of it */
} dlx__mil_operation;

/* All below leave their faults in the view. */
dlx__mil_type dlx__mil_read_type(dlx__mlpackage_reader *r, const dlx__proto_message *m);
/* NamedValueType; `where` begins the sentence of a fault. */
void dlx__mil_read_named(dlx__mlpackage_reader *r, const dlx__proto_message *m, dlx__mil_value *v,
                         const char *where);
/* A constant without a name: of the type it says, its numbers in the specification or in the
 * weights. */
dlx__mil_value dlx__mil_read_value(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                                   const char *where);
/* An operation of a package of ours: one that dlx export writes, with the parameters that it has,
 * and the results that follow from them. */
void dlx__mil_infer(dlx__mlpackage_reader *r, const dlx__mil_operation *op);
void dlx__mil_read_blob(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                        const dlx__mil_type *t, const char *where);
/* The records together: none over another, as many as the file says. */
void dlx__mil_check_records(dlx__mlpackage_reader *r);

/* Fills file->functions from the description, metadata too. */
void dlx__mlpackage_read_description(dlx__mlpackage_reader *r);
/* Reads the functions' bodies, and holds them against the description. */
void dlx__mlpackage_read_program(dlx__mlpackage_reader *r);
/* The interface in the description is that of the function. */
void dlx__mlpackage_compare(dlx__mlpackage_reader *r, const dlx__mlpackage_function *described,
                            const dlx__mil_values *inputs, const dlx__mil_values *outputs);
/* A block: its operations in order, its outputs, with their types if `outputs` is not NULL. */
void dlx__mil_read_block(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                         dlx__mil_names *names, dlx__mil_values *outputs);

#endif
