/*
 * opt.h - options as tables. A verb is a struct of constants: its arguments, its option tables, its
 * words of explanation. Parsing, --help, shell completion and man pages all read that struct, so
 * they cannot drift apart. Values land in a settings struct of the verb's own, zeroed beforehand.
 */
#ifndef DLX_TOOL_OPT_H
#define DLX_TOOL_OPT_H

#include "number.h"

typedef enum opt_kind {
    OPT_FLAG,   /* bool; also --flag=yes|no */
    OPT_COUNT,  /* opt_count within lo to hi */
    OPT_SIZE,   /* opt_count, with K M G T */
    OPT_REAL,   /* opt_real within min to max */
    OPT_TEXT,   /* const char *, lent by argv */
    OPT_TEXTS,  /* opt_texts: may be given several times; no empty ones */
    OPT_CHOICE, /* const char *, one of choices() */
    OPT_FILE,   /* const char * */
    OPT_FOLDER, /* const char * */
    OPT_IDS,    /* opt_ids */
    OPT_RANGES  /* opt_ranges */
} opt_kind;

typedef struct opt_count {
    bool given;
    uint64_t value;
} opt_count;

typedef struct opt_real {
    bool given;
    double value;
} opt_real;

typedef struct opt_texts {
    const char **items; /* [n], lent by argv */
    size_t n;
} opt_texts;

typedef struct opt_ids {
    bool given; /* an empty list can be given: "none" */
    id_list list;
} opt_ids;

typedef struct opt_ranges {
    bool given;
    range_list list;
} opt_ranges;

typedef const char *const *(*opt_choices)(void); /* NULL-terminated */

typedef struct opt {
    const char *name; /* without dashes */
    opt_kind kind;
    size_t offset;        /* in the struct that the table is about */
    const char *arg;      /* "N"; NULL for flags */
    const char *help;     /* one line */
    const char *fallback; /* the default in words; NULL for flags and for what is simply absent */
    uint64_t lo, hi;
    double min, max;
    bool above; /* min itself is not possible */
    opt_choices choices;
    const char *unlisted; /* a choice that is taken and not offered: whoever reads it says why */
    char letter;
    const char *env; /* its variable, where that is not DLX_<NAME> */
} opt;

/* Where a value came from. */
typedef enum opt_source { OPT_DEFAULT, OPT_FROM_LINE, OPT_FROM_ENV } opt_source;

typedef struct opt_table {
    const char *heading;
    const opt *rows; /* [n] */
    size_t n;
    size_t base;    /* offset of the table's struct in the verb's settings */
    bool from_env;  /* DLX_<NAME> in the environment is the value where no option is given */
    size_t sources; /* offset in the settings of an opt_source a row [n]; 0: not wanted */
} opt_table;

/* A table of rows whose struct is the verb's settings. */
#define OPT_TABLE(title, rows_of)                                                                  \
    {                                                                                              \
        .heading = (title), .rows = (rows_of), .n = sizeof(rows_of) / sizeof *(rows_of)            \
    }

/* The row that all verbs with a bool `json` among their settings share. */
#define OPT_JSON_ROW(settings)                                                                     \
    {                                                                                              \
        "json", OPT_FLAG, offsetof(settings, json), .help = "print one JSON object"                \
    }

typedef enum arg_kind { ARG_MODEL, ARG_TEXT, ARG_FILE, ARG_VERB, ARG_SHELL } arg_kind;

typedef struct verb_arg {
    const char *name;
    arg_kind kind;
    bool optional;
    const char *help; /* follows "NAME is missing: " when it is */
} verb_arg;

typedef struct verb_example {
    const char *line, *what;
} verb_example;

/* An option of other verbs that people try here, and what to do instead. */
typedef struct verb_lack {
    const char *name;
    char letter;
    const char *instead; /* follows "dlx VERB has no option --NAME: " */
} verb_lack;

typedef struct opt_args {
    const char *items[4];
    size_t n;
} opt_args;

typedef struct verb {
    const char *name;
    const char *summary;      /* one line, no full stop */
    const char *const *about; /* paragraphs; NULL-terminated */
    const verb_arg *args;     /* [n_args], at most 4 */
    size_t n_args;
    const opt_table *tables; /* [n_tables] */
    size_t n_tables;
    const verb_lack *lacks; /* [n_lacks] */
    size_t n_lacks;
    const verb_example *examples; /* [n_examples] */
    size_t n_examples;
    void (*more)(bytes *out); /* text made at run time, behind the options; may be NULL */
    size_t settings_bytes;
    int (*run)(const void *settings, const opt_args *args); /* the exit code */
} verb;

#define VERB_LIST(items) (items), sizeof(items) / sizeof *(items)

typedef enum opt_outcome { OPT_PARSED, OPT_WANTS_HELP, OPT_REFUSED } opt_outcome;

typedef const char *(*opt_env)(const char *name);

/*
 * argv holds what stands behind the verb. Options may stand before, between and behind arguments;
 * "--" ends them; "-" is an argument. An option wins over its variable of the environment (env may
 * be NULL). On OPT_REFUSED `why` holds a sentence. Whatever the outcome: opt_release afterwards.
 */
opt_outcome opt_parse(const verb *v, int argc, char *const *argv, opt_env env, void *settings,
                      opt_args *args, bytes *why);
void opt_release(const verb *v, void *settings);

/* "DLX_MAX_TOKENS" for "max-tokens", unless the row has a name of its own. */
void opt_env_name(const opt *o, bytes *out);

/* Visits every option of a verb: for (const opt *o = NULL; (o = opt_next(v, o, &table));). */
const opt *opt_next(const verb *v, const opt *o, const opt_table **table);

#endif
