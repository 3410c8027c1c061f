/*
 * mlpackage_read_names.c - names by scope: a table with open places. Its seed is drawn anew for
 * each file, so that nobody can choose names that all fall on one place.
 */
#include "export/mlpackage_reader.h"

#include "base/mem.h"
#include "base/os.h"

#include <string.h>

enum { FIRST_SLOTS = 256 };

bool dlx__mil_names_init(dlx__mil_names *names, dlx__arena *arena)
{
    *names = (dlx__mil_names){.arena = arena, .seed = dlx__os_random(), .n_slots = FIRST_SLOTS};
    names->slots = dlx__arena_alloc(arena, names->n_slots, sizeof *names->slots);
    return names->slots != NULL;
}

/* FNV-1a from the seed on, then mixed: low bits choose the place. */
static uint64_t hash_of(const dlx__mil_names *names, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u ^ names->seed;
    for (const char *p = name; *p; p++) {
        h ^= (uint8_t)*p;
        h *= 0x100000001b3u;
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

/* The place of the name, or the free one where it would go. */
static size_t slot_of(const dlx__mil_names *names, const char *name, uint64_t hash)
{
    size_t at = (size_t)hash & (names->n_slots - 1);
    while (names->slots[at]) {
        const struct dlx__mil_named *e = &names->all[names->slots[at] - 1];
        if (e->hash == hash && strcmp(e->value->name, name) == 0)
            break;
        at = (at + 1) & (names->n_slots - 1);
    }
    return at;
}

const dlx__mil_value *dlx__mil_names_find(const dlx__mil_names *names, const char *name)
{
    const size_t entry = names->slots[slot_of(names, name, hash_of(names, name))];
    return entry && names->all[entry - 1].visible ? names->all[entry - 1].value : NULL;
}

/* Twice the places, each name's last holder in them. */
static bool grow(dlx__mil_names *names)
{
    const size_t n_slots = dlx__mul(names->n_slots, 2);
    size_t *slots = dlx__arena_alloc(names->arena, n_slots, sizeof *slots);
    if (!slots)
        return false;
    names->slots = slots;
    names->n_slots = n_slots;
    for (size_t i = 0; i < names->n; i++)
        slots[slot_of(names, names->all[i].value->name, names->all[i].hash)] = i + 1;
    return true;
}

bool dlx__mil_names_add(dlx__mil_names *names, const dlx__mil_value *value)
{
    void *all =
        dlx__arena_grow(names->arena, names->all, names->n, &names->capacity, sizeof *names->all);
    if (!all)
        return false;
    names->all = all;
    if (names->n >= names->n_slots / 2 && !grow(names))
        return false;
    const uint64_t hash = hash_of(names, value->name);
    const size_t slot = slot_of(names, value->name, hash);
    names->all[names->n++] = (struct dlx__mil_named){value, hash, true};
    names->slots[slot] = names->n;
    return true;
}

void dlx__mil_names_leave(dlx__mil_names *names, size_t n)
{
    /* What is hidden may stay in the table: the search compares names, then looks whether they
     * are visible, and a name is only brought again when its last holder is hidden. */
    for (size_t i = n; i < names->n; i++)
        names->all[i].visible = false;
}
