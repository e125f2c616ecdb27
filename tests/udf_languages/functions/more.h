/* What the samples do not show: every type that `larder.h` knows, and everything that goes wrong. */

static void echo_level(const larder_column *column, larder_output *output, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        if (larder_is_null(column, i)) {
            larder_append_null(output);
            continue;
        }
        switch (output->type) {
        case LARDER_BOOL: larder_append_bool(output, larder_bool(column, i)); break;
        case LARDER_INT32: larder_append_int32(output, larder_int32(column, i)); break;
        case LARDER_INT64: larder_append_int64(output, larder_int64(column, i)); break;
        case LARDER_FLOAT32: larder_append_float32(output, larder_float32(column, i)); break;
        case LARDER_FLOAT64: larder_append_float64(output, larder_float64(column, i)); break;
        case LARDER_UNIX_TIMESTAMP: larder_append_unix_timestamp(output, larder_unix_timestamp(column, i)); break;
        case LARDER_ARRAY:
        case LARDER_SET: {
            larder_range range = larder_list(column, i);
            echo_level(larder_items(column), larder_out_items(output), range.begin, range.end);
            larder_append_list(output);
            break;
        }
        default: {
            larder_text_slice text = larder_text(column, i);
            larder_append_text(output, text.data, text.length / 2);
            larder_append_to_text(output, text.data + text.length / 2, text.length - text.length / 2);
        }
        }
    }
}

static void echo(larder_call *call) {
    for (size_t i = 0; i < larder_fields(call->function->inputs); i++) {
        echo_level(larder_input(call, i), larder_out(call, i), 0, call->rows);
    }
}

static void refuses(larder_call *call) {
    const larder_column *price = larder_input(call, 0);
    for (uint32_t row = 0; row < call->rows; row++) {
        if (!larder_is_null(price, row) && larder_float64(price, row) < 0) {
            larder_fail(call, "a price is negative");
            return;
        }
    }
}

static void mistypes(larder_call *call) { larder_append_float64(larder_out(call, 0), 1); }

static void forgets(larder_call *call) { larder_append_float64(larder_out(call, 0), 1); }

#define ECHOED                                                                                                         \
    {{"bool", {LARDER_BOOL}}, {"int32", {LARDER_INT32}}, {"int64", {LARDER_INT64}}, {"float32", {LARDER_FLOAT32}},     \
     {"float64", {LARDER_FLOAT64}}, {"unixtimestamp", {LARDER_UNIX_TIMESTAMP}}, {"string", {LARDER_STRING}},           \
     {"bytes", {LARDER_BYTES}}, {"pdfbytes", {LARDER_PDF_BYTES}}, {"imagebytes", {LARDER_IMAGE_BYTES}},                \
     {"json", {LARDER_JSON}}, {"map", {LARDER_MAP}}, {"scalarmap", {LARDER_SCALAR_MAP}}, {"uuid", {LARDER_UUID}},      \
     {"timeuuid", {LARDER_TIME_UUID}}, {"decimal", {LARDER_DECIMAL}}, {"bool_list", {LARDER_ARRAY, LARDER_BOOL}},      \
     {"int32_list", {LARDER_ARRAY, LARDER_INT32}}, {"string_list", {LARDER_ARRAY, LARDER_STRING}},                     \
     {"bytes_set", {LARDER_SET, LARDER_BYTES}}, {"float64_set", {LARDER_SET, LARDER_FLOAT64}},                         \
     {"nested", {LARDER_ARRAY, LARDER_SET, LARDER_INT64}}}

#define MORE_FUNCTIONS                                                                                                 \
    {.name = "echo", .run = echo, .inputs = ECHOED, .outputs = ECHOED},                                                \
    {.name = "refuses", .run = refuses, .inputs = {{"price", {LARDER_FLOAT64}}},                                       \
     .outputs = {{"root", {LARDER_FLOAT64}}}},                                                                         \
    {.name = "mistypes", .run = mistypes, .inputs = {{"price", {LARDER_FLOAT64}}},                                     \
     .outputs = {{"price_text", {LARDER_STRING}}}},                                                                    \
    {.name = "forgets", .run = forgets, .inputs = {{"price", {LARDER_FLOAT64}}},                                       \
     .outputs = {{"first", {LARDER_FLOAT64}}}},
