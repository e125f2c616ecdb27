/* Two sample functions; write your own in their place. */

#include "larder.h"

/* The conversion rate, raised by two values of the request. Null where an input is null. */
static void transformed_conv_rate(larder_call *call) {
    const larder_column *rate = larder_input(call, 0);
    for (size_t i = 0; i < 2; i++) {
        const larder_column *value = larder_input(call, 1 + i);
        larder_output *sum = larder_out(call, i);
        for (uint32_t row = 0; row < call->rows; row++) {
            if (larder_is_null(rate, row) || larder_is_null(value, row)) larder_append_null(sum);
            else larder_append_float64(sum, (double)larder_float32(rate, row) + (double)larder_int64(value, row));
        }
    }
}

static larder_text_slice without_blanks(larder_text_slice text) {
    while (text.length > 0 && text.data[0] == ' ') text.data++, text.length--;
    while (text.length > 0 && text.data[text.length - 1] == ' ') text.length--;
    return text;
}

static bool was_seen(const larder_text_slice *seen, size_t count, larder_text_slice text) {
    for (size_t i = 0; i < count; i++) {
        if (seen[i].length == text.length && memcmp(seen[i].data, text.data, text.length) == 0) return true;
    }
    return false;
}

/* The tags without blanks around them, each once, in the order of their first mention; how many there are; and the
 * city with them. Null tags do not count. Without a city there is no summary, without tags nothing. */
static void tag_features(larder_call *call) {
    const larder_column *city = larder_input(call, 0), *tags = larder_input(call, 1), *tag = larder_items(tags);
    larder_output *distinct = larder_out(call, 0), *tag_count = larder_out(call, 1), *summary = larder_out(call, 2);
    for (uint32_t row = 0; row < call->rows; row++) {
        if (larder_is_null(tags, row)) {
            larder_append_null(distinct);
            larder_append_null(tag_count);
            larder_append_null(summary);
            continue;
        }
        larder_range range = larder_list(tags, row);
        larder_text_slice *seen = larder_zeroed(range.end - range.begin, sizeof *seen);
        size_t count = 0;
        for (size_t i = range.begin; i < range.end; i++) {
            if (larder_is_null(tag, i)) continue;
            larder_text_slice text = without_blanks(larder_text(tag, i));
            if (was_seen(seen, count, text)) continue;
            seen[count++] = text;
            larder_append_text(larder_out_items(distinct), text.data, text.length);
        }
        larder_append_list(distinct);
        larder_append_int64(tag_count, (int64_t)count);
        if (larder_is_null(city, row)) {
            larder_append_null(summary);
        } else {
            larder_text_slice name = larder_text(city, row);
            larder_append_text(summary, name.data, name.length);
            for (size_t i = 0; i < count; i++) {
                larder_append_to_text(summary, i == 0 ? ": " : ", ", 2);
                larder_append_to_text(summary, seen[i].data, seen[i].length);
            }
            if (count == 0) larder_append_to_text(summary, ": ", 2);
        }
        free(seen);
    }
}

LARDER_FUNCTIONS(
    {
        .name = "transformed_conv_rate",
        .run = transformed_conv_rate,
        .inputs = {{"conv_rate", {LARDER_FLOAT32}}, {"val_to_add", {LARDER_INT64}}, {"val_to_add_2", {LARDER_INT64}}},
        .outputs = {{"conv_rate_plus_val1", {LARDER_FLOAT64}}, {"conv_rate_plus_val2", {LARDER_FLOAT64}}},
    },
    {
        .name = "tag_features",
        .run = tag_features,
        .inputs = {{"city", {LARDER_STRING}}, {"tags", {LARDER_ARRAY, LARDER_STRING}}},
        .outputs = {{"distinct_tags", {LARDER_ARRAY, LARDER_STRING}}, {"tag_count", {LARDER_INT64}},
                    {"summary", {LARDER_STRING}}},
    })
