/* say.c - sentences on stderr. A stderr that cannot be written to is not worth failing for. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>

static void speak(const char *front, const char *format, va_list args)
{
    fputs(front, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    fflush(stderr);
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    speak("dlx: ", format, args);
    va_end(args);
}

int say_failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    speak("dlx: ", format, args);
    va_end(args);
    return EXIT_FAILED;
}

int say_misuse(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    speak("dlx: ", format, args);
    va_end(args);
    if (verb)
        fprintf(stderr, "try: dlx %s --help\n", verb);
    else
        fputs("try: dlx --help\n", stderr);
    return EXIT_MISUSE;
}

void say_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    speak("", format, args);
    va_end(args);
}
