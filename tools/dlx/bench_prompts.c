/* bench_prompts.c - the prompts that `dlx bench` generates from. */
#include "bench_settings.h"
#include "input.h"
#include "prompt.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int prompt_list_add(prompt_list *list, const dlx_model *model, const char *text, bool raw)
{
    dlx_model_info info;
    id_list ids = {0};
    dlx_model_get_info(model, &info);
    if (!info.has_tokenizer)
        return say_failed(
            "%s holds no tokenizer, so there are no prompts in words: without --prompt "
            "and --prompts arbitrary ids are taken",
            info.path);
    int code = raw || !info.has_chat_template
                   ? prompt_add_text(model, text, strlen(text), &ids)
                   : prompt_add_message(model, NULL, text, strlen(text), &ids);
    if (code != EXIT_OK) {
        free(ids.items);
        return code;
    }
    list->items = mem_resize(list->items, list->n + 1, sizeof *list->items);
    list->items[list->n++] = (dlx_bench_prompt){ids.items, ids.n};
    return EXIT_OK;
}

/* A line's prompt: the member of an object, or the line itself. */
static int add_line(prompt_list *list, const dlx_model *model, const char *line, bool raw)
{
    json_t *object = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(object, "prompt"));
    int code = prompt_list_add(list, model, text ? text : line, raw);
    json_decref(object);
    return code;
}

int prompt_list_read(prompt_list *list, const dlx_model *model, const char *path, bool raw)
{
    bytes text = {0}, line = {0};
    int code = input_file(path, true, &text);
    const char *p = bytes_string(&text);
    while (code == EXIT_OK && *p) {
        size_t len = strcspn(p, "\r\n");
        bytes_reset(&line);
        bytes_add(&line, p, len);
        if (len)
            code = add_line(list, model, line.data, raw);
        p += len;
        p += strspn(p, "\r\n");
    }
    if (code == EXIT_OK && list->n == 0)
        code =
            say_failed("%s holds no prompt: one a line is expected, as text or as an object with "
                       "\"prompt\"",
                       show_path(path).text);
    bytes_release(&line);
    bytes_release(&text);
    return code;
}

void prompt_list_release(prompt_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free((void *)(uintptr_t)list->items[i].ids);
    free(list->items);
    *list = (prompt_list){0};
}
