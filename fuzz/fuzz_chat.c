/* fuzz_chat.c - any bytes as a chat template (up to a zero byte) and further variables as JSON
 * (what follows it), rendered for a fixed conversation. A failure must have a sentence and leave no
 * text. */
// rooms: text
// parser: text/(chat|jinja.*)
#include "fuzz.h"
#include "text/chat.h"

#include <stdlib.h>
#include <string.h>

static const char conversation[] =
    "[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\",\"content\":\" hi\\n\"},"
    "{\"role\":\"assistant\",\"content\":\"<think>\\nx\\n</think>\\n\\u00e9\",\"tool_calls\":"
    "[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":[1,2.5,null,true]}}}]},"
    "{\"role\":\"tool\",\"content\":\"42\"}]";

static void render(const dlx__chat *chat, json_t *kwargs)
{
    dlx_error err;
    dlx__buf out;
    json_t *messages = json_loads(conversation, 0, NULL);
    dlx__chat_input in = {.messages = messages,
                          .tools = json_object_get(kwargs, "tools"),
                          .kwargs = kwargs,
                          .add_generation_prompt = true};
    dlx__buf_init(&out, NULL);
    if (dlx__chat_render(chat, &in, &out, &err) != DLX_OK && (out.len != 0 || err.text[0] == '\0'))
        abort();
    dlx__buf_release(&out);
    json_decref(messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    const char *zero = n ? memchr(text, '\0', n) : NULL;
    size_t n_text = zero ? (size_t)(zero - text) : n;
    dlx__chat *chat = NULL;
    dlx_error err;
    if (dlx__chat_parse(&chat, text, n_text, "input", "<s>", "</s>", NULL, &err) != DLX_OK)
        return 0;
    json_t *kwargs = zero ? json_loadb(zero + 1, n - n_text - 1, 0, NULL) : NULL;
    render(chat, json_is_object(kwargs) ? kwargs : NULL);
    json_decref(kwargs);
    dlx__chat_free(chat);
    return 0;
}
