/* string.h - what coreml_apple.m calls. */
#ifndef OBJC_STRING_H
#define OBJC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
int strcmp(const char *a, const char *b);
size_t strlen(const char *text);

#endif
