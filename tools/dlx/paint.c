/*
 * paint.c - the denoising canvas in place. A frame is built in memory and written in one go,
 * wrapped in the escape that asks the terminal to show it at once. The canvas never grows beyond
 * the window, so that it can always be wiped by moving up; what does not fit is left out of the
 * picture, not of the text.
 */
#include "paint.h"

#include "bytes.h"
#include "out.h"
#include "sys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static const double FRAME_SECONDS = 1.0 / 30;
static const char MASK_CELL[] = "\xE2\x96\x91";    /* light shade */
static const char NO_CHARACTER[] = "\xEF\xBF\xBD"; /* U+FFFD: part of a code point */

enum { N_LEVELS = 5, MAX_GROUP = 4 };

struct paint {
    const dlx_model *model;
    term t;
    bool has_tokenizer;
    dlx_token mask_id;
    size_t from;
    dlx_token *canvas; /* [n_canvas], from position `from` on */
    float *confidence; /* [n_canvas]; NaN: given, not chosen */
    bool *fresh;       /* [n_canvas]: written since the last frame */
    size_t n_canvas, capacity;
    bytes pending;    /* final text that is not printed yet */
    size_t n_final;   /* bytes of final text so far, pending included */
    size_t column;    /* where the text printed for good ended */
    size_t rows_down; /* the cursor stands so many rows below that place */
    size_t pass, n_written;
    double last_frame;
    bytes frame;
    /* while a frame is built */
    size_t x, y;
    bool full;
};

int paint_cells(uint32_t code_point)
{
    return code_point < 0x20 ? 0 : utf8proc_charwidth((utf8proc_int32_t)code_point);
}

int paint_level(float confidence)
{
    double p = confidence < 0 ? exp((double)confidence) : (double)confidence;
    int level = (int)(p * N_LEVELS);
    return level < 0 ? 0 : level >= N_LEVELS ? N_LEVELS - 1 : level;
}

paint *paint_open(const dlx_model *model, const term *t, size_t from)
{
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    paint *p = mem_resize(NULL, 1, sizeof *p);
    *p = (paint){.model = model,
                 .t = *t,
                 .has_tokenizer = info.has_tokenizer,
                 .mask_id = info.mask_id,
                 .from = from};
    return p;
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void new_row(paint *p)
{
    if (p->y + 3 > p->t.rows) {
        p->full = true;
        return;
    }
    bytes_text(&p->frame, "\r\n");
    p->x = 0;
    p->y++;
}

static void put_code_point(paint *p, const char *at, size_t n, uint32_t c)
{
    if (c == '\n') {
        new_row(p);
        return;
    }
    size_t width = c == '\t' ? 1 : (size_t)paint_cells(c);
    if (p->x + width >= p->t.columns)
        new_row(p);
    if (p->full || c < 0x20)
        at = " ", n = c == '\t' && !p->full;
    bytes_add(&p->frame, at, n);
    p->x += width;
}

static void put(paint *p, const char *text, size_t n)
{
    for (size_t i = 0; i < n && !p->full;) {
        size_t start = i;
        uint32_t c = utf8_next(text, n, &i);
        put_code_point(p, text + start, i - start, c);
    }
}

static void style_token(paint *p, size_t i)
{
    static const char *const ramp[N_LEVELS] = {"167", "173", "179", "143", "114"};
    if (!p->t.colour)
        return;
    if (p->canvas[i] == p->mask_id)
        bytes_text(&p->frame, "\033[2m");
    else if (!isnan(p->confidence[i]))
        bytes_printf(&p->frame, "\033[%s38;5;%sm", p->fresh[i] ? "1;7;" : "",
                     ramp[paint_level(p->confidence[i])]);
}

/* Text of the token at i, and how many tokens it took to have whole code points. */
static size_t piece_of(paint *p, size_t i, bytes *out)
{
    if (!p->has_tokenizer) {
        bytes_printf(out, "%d ", (int)p->canvas[i]);
        return 1;
    }
    for (size_t n = 1; n <= MAX_GROUP && i + n <= p->n_canvas; n++) {
        char *text;
        size_t len;
        if (n > 1 && p->canvas[i + n - 1] == p->mask_id)
            break;
        if (dlx_detokenize(p->model, p->canvas + i, n, true, &text, &len, NULL) != DLX_OK)
            return 1;
        bool whole = !strstr(text, NO_CHARACTER);
        if (whole)
            bytes_add(out, text, len);
        dlx_free(p->model, text);
        if (whole)
            return n;
    }
    bytes_text(out, NO_CHARACTER);
    return 1;
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* To the place where the final text ended, with nothing behind it. */
static void wipe(paint *p)
{
    if (p->rows_down)
        bytes_printf(&p->frame, "\033[%zuA", p->rows_down);
    bytes_printf(&p->frame, "\r");
    if (p->column)
        bytes_printf(&p->frame, "\033[%zuC", p->column);
    bytes_text(&p->frame, "\033[J");
    p->rows_down = 0;
}

/* Final text goes out as it is, so that copying it gives back its own lines. */
static void flush_final(paint *p)
{
    for (size_t i = 0; i < p->pending.n;) {
        uint32_t c = utf8_next(p->pending.data, p->pending.n, &i);
        size_t width = (size_t)paint_cells(c);
        if (c == '\n' || c == '\r')
            p->column = 0;
        else if (c == '\t')
            p->column = (p->column / 8 + 1) * 8;
        else if (p->column + width > p->t.columns)
            p->column = width;
        else
            p->column += width;
    }
    bytes_add(&p->frame, bytes_string(&p->pending), p->pending.n);
    bytes_reset(&p->pending);
    /* At the right edge terminals wait before they wrap: step over the doubt. */
    if (p->column >= p->t.columns) {
        bytes_text(&p->frame, "\r\n");
        p->column = 0;
    }
}

static void draw_canvas(paint *p)
{
    size_t skip = p->n_final;
    bytes piece = {0};
    for (size_t i = 0, n; i < p->n_canvas && !p->full; i += n) {
        bytes_reset(&piece);
        n = 1;
        if (p->canvas[i] == p->mask_id)
            bytes_text(&piece, MASK_CELL);
        else
            n = piece_of(p, i, &piece);
        size_t hidden = p->canvas[i] == p->mask_id || !p->has_tokenizer ? 0
                        : skip < piece.n                                ? skip
                                                                        : piece.n;
        skip -= hidden;
        style_token(p, i);
        put(p, bytes_string(&piece) + hidden, piece.n - hidden);
        bytes_text(&p->frame, term_code(&p->t, STYLE_PLAIN));
    }
    bytes_release(&piece);
}

static void draw_footer(paint *p)
{
    size_t masks = 0;
    for (size_t i = 0; i < p->n_canvas; i++)
        masks += p->canvas[i] == p->mask_id;
    bytes_printf(&p->frame, "\r\n%spass %zu, %zu masks left, %.2f tokens a pass%s",
                 term_code(&p->t, STYLE_DIM), p->pass + 1, masks,
                 (double)p->n_written / (double)(p->pass + 1), term_code(&p->t, STYLE_PLAIN));
    p->y++;
}

static void send_frame(paint *p)
{
    bytes_text(&p->frame, "\033[?2026l");
    out_bytes(p->frame.data, p->frame.n);
    out_flush();
}

static void draw(paint *p)
{
    sys_terminal_size(stdout, &p->t.columns, &p->t.rows);
    bytes_reset(&p->frame);
    bytes_text(&p->frame, "\033[?2026h");
    wipe(p);
    flush_final(p);
    p->x = p->column;
    p->y = 0;
    p->full = false;
    draw_canvas(p);
    draw_footer(p);
    p->rows_down = p->y;
    send_frame(p);
    if (p->n_canvas)
        memset(p->fresh, 0, p->n_canvas * sizeof *p->fresh);
    p->last_frame = sys_seconds();
}

/* ---- events ---------------------------------------------------------------------------------- */

static void take_canvas(paint *p, const dlx_event *event)
{
    size_t n = event->n_canvas > p->from ? event->n_canvas - p->from : 0;
    if (n > p->capacity) {
        p->canvas = mem_resize(p->canvas, n, sizeof *p->canvas);
        p->confidence = mem_resize(p->confidence, n, sizeof *p->confidence);
        p->fresh = mem_resize(p->fresh, n, sizeof *p->fresh);
        p->capacity = n;
    }
    for (size_t i = p->n_canvas; i < n; i++) {
        p->confidence[i] = NAN;
        p->fresh[i] = false;
    }
    p->n_canvas = n;
    if (n)
        memcpy(p->canvas, event->canvas + p->from, n * sizeof *p->canvas);
}

void paint_pass(paint *p, const dlx_event *event)
{
    take_canvas(p, event);
    p->pass = event->pass;
    p->n_written += event->n_written;
    for (size_t i = 0; i < event->n_written; i++) {
        size_t pos = event->written[i].pos;
        if (pos < p->from || pos - p->from >= p->n_canvas)
            continue;
        p->confidence[pos - p->from] = event->written[i].conf;
        p->fresh[pos - p->from] = true;
    }
    if (sys_seconds() - p->last_frame >= FRAME_SECONDS)
        draw(p);
}

void paint_text(paint *p, const char *text, size_t n)
{
    bytes_add(&p->pending, text, n);
    p->n_final += n;
    draw(p);
}

void paint_close(paint *p)
{
    if (!p)
        return;
    bytes_reset(&p->frame);
    bytes_text(&p->frame, "\033[?2026h");
    wipe(p);
    flush_final(p);
    send_frame(p);
    free(p->canvas);
    free(p->confidence);
    free(p->fresh);
    bytes_release(&p->pending);
    bytes_release(&p->frame);
    free(p);
}
