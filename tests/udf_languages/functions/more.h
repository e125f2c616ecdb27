/* What the samples do not show: every type, and everything that goes wrong. */

static void echo_level(const larder_column *column, larder_output *output, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        if (larder_is_null(column, i)) {
            larder_append_null(output);
            continue;
        }
        switch (larder_kind(output->type)) {
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
        case LARDER_OF_STRUCT:
            for (size_t member = 0; member < larder_members(output->type); member++) {
                echo_level(larder_member(column, member), larder_out_member(output, member), i, i + 1);
            }
            larder_append_struct(output);
            break;
        case LARDER_ZONED_TIMESTAMP: larder_append_zoned_timestamp(output, larder_zoned_timestamp(column, i)); break;
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

/* Where somebody lives and since when, as one struct. */
static void moves(larder_call *call) {
    const larder_column *home = larder_input(call, 0), *since = larder_input(call, 1);
    larder_output *label = larder_out_member(larder_out(call, 0), 0);
    for (uint32_t row = 0; row < call->rows; row++) {
        if (larder_is_null(home, row)) {
            larder_append_null(larder_out(call, 0));
            continue;
        }
        larder_text_slice city = larder_text(larder_member(home, 0), row);
        larder_append_text(label, city.data, city.length);
        larder_append_to_text(label, larder_int32(larder_member(home, 1), row) > 0 ? " above" : " below", 6);
        larder_output *moved = larder_out_member(larder_out(call, 0), 1);
        if (larder_is_null(since, row)) larder_append_null(moved);
        else larder_append_zoned_timestamp(moved, larder_zoned_timestamp(since, row));
        larder_append_struct(larder_out(call, 0));
    }
}

static void half_a_struct(larder_call *call) {
    larder_append_text(larder_out_member(larder_out(call, 0), 0), "", 0);
    larder_append_struct(larder_out(call, 0));
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

#define PLACE LARDER_STRUCT(3), LARDER_STRING, LARDER_ZONED_TIMESTAMP, LARDER_ARRAY, LARDER_INT32

#define ECHOED                                                                                                         \
    {{"bool", {LARDER_BOOL}}, {"int32", {LARDER_INT32}}, {"int64", {LARDER_INT64}},                                    \
     {"float32", {LARDER_FLOAT32}}, {"float64", {LARDER_FLOAT64}}, {"unixtimestamp", {LARDER_UNIX_TIMESTAMP}},         \
     {"string", {LARDER_STRING}}, {"bytes", {LARDER_BYTES}}, {"pdfbytes", {LARDER_PDF_BYTES}},                         \
     {"imagebytes", {LARDER_IMAGE_BYTES}}, {"json", {LARDER_JSON}}, {"map", {LARDER_MAP}},                             \
     {"scalarmap", {LARDER_SCALAR_MAP}}, {"uuid", {LARDER_UUID}}, {"timeuuid", {LARDER_TIME_UUID}},                    \
     {"decimal", {LARDER_DECIMAL}}, {"zonedtimestamp", {LARDER_ZONED_TIMESTAMP}},                                      \
     {"bool_list", {LARDER_ARRAY, LARDER_BOOL}}, {"int32_list", {LARDER_ARRAY, LARDER_INT32}},                         \
     {"int64_list", {LARDER_ARRAY, LARDER_INT64}}, {"float32_list", {LARDER_ARRAY, LARDER_FLOAT32}},                   \
     {"float64_list", {LARDER_ARRAY, LARDER_FLOAT64}},                                                                 \
     {"unixtimestamp_list", {LARDER_ARRAY, LARDER_UNIX_TIMESTAMP}},                                                    \
     {"string_list", {LARDER_ARRAY, LARDER_STRING}}, {"bytes_list", {LARDER_ARRAY, LARDER_BYTES}},                     \
     {"json_list", {LARDER_ARRAY, LARDER_JSON}}, {"map_list", {LARDER_ARRAY, LARDER_MAP}},                             \
     {"uuid_list", {LARDER_ARRAY, LARDER_UUID}}, {"timeuuid_list", {LARDER_ARRAY, LARDER_TIME_UUID}},                  \
     {"decimal_list", {LARDER_ARRAY, LARDER_DECIMAL}}, {"bool_set", {LARDER_SET, LARDER_BOOL}},                        \
     {"int32_set", {LARDER_SET, LARDER_INT32}}, {"int64_set", {LARDER_SET, LARDER_INT64}},                             \
     {"float32_set", {LARDER_SET, LARDER_FLOAT32}}, {"float64_set", {LARDER_SET, LARDER_FLOAT64}},                     \
     {"unixtimestamp_set", {LARDER_SET, LARDER_UNIX_TIMESTAMP}}, {"string_set", {LARDER_SET, LARDER_STRING}},          \
     {"bytes_set", {LARDER_SET, LARDER_BYTES}}, {"uuid_set", {LARDER_SET, LARDER_UUID}},                               \
     {"timeuuid_set", {LARDER_SET, LARDER_TIME_UUID}}, {"decimal_set", {LARDER_SET, LARDER_DECIMAL}},                  \
     {"trip", {LARDER_STRUCT(2), PLACE, LARDER_SET, LARDER_STRING}, {"from", "type", "city", "seen", "floors"}},       \
     {"places", {LARDER_ARRAY, PLACE}, {"city", "seen", "floors"}},                                                    \
     {"nested", {LARDER_ARRAY, LARDER_SET, LARDER_INT64}}}

#define MORE_FUNCTIONS                                                                                                 \
    {.name = "echo", .run = echo, .inputs = ECHOED, .outputs = ECHOED},                                                \
    {.name = "refuses", .run = refuses, .inputs = {{"price", {LARDER_FLOAT64}}},                                       \
     .outputs = {{"root", {LARDER_FLOAT64}}}},                                                                         \
    {.name = "mistypes", .run = mistypes, .inputs = {{"price", {LARDER_FLOAT64}}},                                     \
     .outputs = {{"price_text", {LARDER_STRING}}}},                                                                    \
    {.name = "forgets", .run = forgets, .inputs = {{"price", {LARDER_FLOAT64}}},                                       \
     .outputs = {{"first", {LARDER_FLOAT64}}}},                                                                        \
    {.name = "moves", .run = moves,                                                                                    \
     .inputs = {{"home", {LARDER_STRUCT(2), LARDER_STRING, LARDER_INT32}, {"city", "floor"}},                          \
                {"since", {LARDER_ZONED_TIMESTAMP}}},                                                                  \
     .outputs = {{"moved", {LARDER_STRUCT(2), LARDER_STRING, LARDER_ZONED_TIMESTAMP}, {"label", "since"}}}},           \
    {.name = "half_a_struct", .run = half_a_struct, .inputs = {{"price", {LARDER_FLOAT64}}},                           \
     .outputs = {{"home", {LARDER_STRUCT(2), LARDER_STRING, LARDER_INT32}, {"city", "floor"}}}},
