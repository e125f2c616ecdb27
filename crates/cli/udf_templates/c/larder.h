/* Write on-demand transformations for larder in C. Include it in one file; it is plain C11 over the bindings in
 * `bindings/`, which are generated from larder's contract.
 *
 *     static void twice(larder_call *call) {
 *         const larder_column *price = larder_input(call, 0);
 *         larder_output *result = larder_out(call, 0);
 *         for (uint32_t row = 0; row < call->rows; row++) {
 *             if (larder_is_null(price, row)) larder_append_null(result);
 *             else larder_append_float64(result, 2 * larder_float64(price, row));
 *         }
 *     }
 *
 *     LARDER_FUNCTIONS({
 *         .name = "twice", .run = twice,
 *         .inputs = {{"price", {LARDER_FLOAT64}}},
 *         .outputs = {{"double_price", {LARDER_FLOAT64}}},
 *     })
 *
 * A list is read as a range of its items, and written as its items and then its end:
 *
 *     larder_range range = larder_list(tags, row);
 *     for (size_t i = range.begin; i < range.end; i++)
 *         if (!larder_is_null(larder_items(tags), i)) larder_append_text(larder_out_items(out), ...);
 *     larder_append_list(out);
 *
 * and a struct likewise through its members, whose names stand beside the type:
 *
 *     .inputs = {{"home", {LARDER_STRUCT(2), LARDER_STRING, LARDER_INT32}, {"city", "floor"}}}
 *
 *     if (!larder_is_null(home, row)) floor = larder_int32(larder_member(home, 1), row);
 *
 *     larder_append_text(larder_out_member(out, 0), "Oslo", 4);
 *     larder_append_int32(larder_out_member(out, 1), 3);
 *     larder_append_struct(out);
 *
 * Every output gets one value or null for each row, in order; larder checks it. The same input must give the same
 * output: there is no clock, no file and no network. Reading under a null gives a value without meaning. */
#ifndef LARDER_H
#define LARDER_H

#include <stdlib.h>
#include <string.h>

#include "bindings/on_demand_feature_view.h"

/* Raise them before the include for functions with more columns, or types of more parts. */
#ifndef LARDER_MAX_COLUMNS
#define LARDER_MAX_COLUMNS 16
#endif
#ifndef LARDER_MAX_LEVELS
#define LARDER_MAX_LEVELS 16
#endif

/* Feast's types. Json, Map, ScalarMap, Uuid, TimeUuid and Decimal are their text. */
typedef enum {
    LARDER_END = 0,
    LARDER_BOOL,
    LARDER_INT32,
    LARDER_INT64,
    LARDER_FLOAT32,
    LARDER_FLOAT64,
    LARDER_UNIX_TIMESTAMP, /* microseconds since 1970, as an int64 */
    LARDER_STRING,
    LARDER_BYTES,
    LARDER_PDF_BYTES,
    LARDER_IMAGE_BYTES,
    LARDER_JSON,
    LARDER_MAP,
    LARDER_SCALAR_MAP,
    LARDER_UUID,
    LARDER_TIME_UUID,
    LARDER_DECIMAL,
    LARDER_ZONED_TIMESTAMP, /* a time and the name of its zone, empty for UTC */
    LARDER_ARRAY = LARDER_UDF_ARROW_TYPE_NODE_LIST + 1, /* followed by the type of its items */
    LARDER_SET = LARDER_UDF_ARROW_TYPE_NODE_SET + 1,    /* the same, without repetitions */
    LARDER_OF_STRUCT = LARDER_UDF_ARROW_TYPE_NODE_STRUCT + 1,
} larder_type;

/* A struct of so many members, followed by their types. Their names are in `names` of the field. */
#define LARDER_STRUCT(members) ((larder_type)((members) << 8 | LARDER_OF_STRUCT))

typedef struct {
    const char *name;
    larder_type type[LARDER_MAX_LEVELS];
    /* The names of the members of all structs of the type: those of the outer one, then those of the structs within
     * it in their order. */
    const char *names[LARDER_MAX_LEVELS];
} larder_field;

typedef struct larder_call larder_call;

typedef struct {
    const char *name;
    void (*run)(larder_call *call);
    larder_field inputs[LARDER_MAX_COLUMNS];
    larder_field outputs[LARDER_MAX_COLUMNS];
} larder_function;

/* Input. */

typedef struct {
    larder_udf_arrow_column_t raw;
    /* How many columns it is with all its parts, which follow. */
    size_t width;
} larder_column;

/* Text or bytes; not terminated by a zero. */
typedef struct {
    const char *data;
    size_t length;
} larder_text_slice;

typedef struct {
    size_t begin, end;
} larder_range;

typedef struct {
    int64_t micros; /* since 1970, in UTC */
    larder_text_slice zone;
} larder_zoned_time;

static inline bool larder_bit(const uint8_t *bits, size_t i) { return bits[i / 8] >> (i % 8) & 1; }

static inline bool larder_is_null(const larder_column *column, size_t row) {
    return column->raw.validity.is_some && !larder_bit(column->raw.validity.val.ptr, row);
}

static inline bool larder_bool(const larder_column *column, size_t row) {
    return larder_bit(column->raw.values.val.boolean.ptr, row);
}

static inline int32_t larder_int32(const larder_column *column, size_t row) {
    return column->raw.values.val.int32.ptr[row];
}

static inline int64_t larder_int64(const larder_column *column, size_t row) {
    return column->raw.values.val.int64.ptr[row];
}

static inline float larder_float32(const larder_column *column, size_t row) {
    return column->raw.values.val.float32.ptr[row];
}

static inline double larder_float64(const larder_column *column, size_t row) {
    return column->raw.values.val.float64.ptr[row];
}

static inline int64_t larder_unix_timestamp(const larder_column *column, size_t row) {
    return column->raw.values.val.timestamp_micros.ptr[row];
}

static inline larder_text_slice larder_text(const larder_column *column, size_t row) {
    const larder_udf_arrow_var_len_t *text = &column->raw.values.val.utf8;
    int32_t begin = text->offsets.ptr[row];
    larder_text_slice slice = {(const char *)text->data.ptr + begin, (size_t)(text->offsets.ptr[row + 1] - begin)};
    return slice;
}

static inline larder_range larder_list(const larder_column *column, size_t row) {
    const int32_t *offsets = column->raw.values.val.offsets.ptr;
    larder_range range = {(size_t)offsets[row], (size_t)offsets[row + 1]};
    return range;
}

/* The items of all lists, one after the other. */
static inline const larder_column *larder_items(const larder_column *column) { return column + 1; }

/* The member at `index` of all structs, with a row for each of theirs. */
static inline const larder_column *larder_member(const larder_column *column, size_t index) {
    const larder_column *member = column + 1;
    while (index-- > 0) member += member->width;
    if (member >= column + column->width) abort();
    return member;
}

static inline larder_zoned_time larder_zoned_timestamp(const larder_column *column, size_t row) {
    larder_zoned_time time = {larder_unix_timestamp(column + 1, row), larder_text(column + 2, row)};
    return time;
}

/* Output. */

typedef struct {
    larder_type type;
    /* How many outputs it is with all its parts, which follow. */
    size_t width;
    size_t count, capacity, nulls;
    uint8_t *validity;
    /* Values of a fixed size, bits, or the bytes of texts. */
    uint8_t *data;
    size_t data_length, data_capacity;
    /* Of texts and lists. */
    int32_t *offsets;
} larder_output;

struct larder_call {
    uint32_t rows;
    const larder_function *function;
    const larder_column *columns;
    larder_output *outputs;
    const char *error;
};

/* The type itself, without the number of members. */
static inline int larder_kind(larder_type type) { return (int)type & 0xff; }

static inline size_t larder_members(larder_type type) { return (size_t)type >> 8; }

static inline size_t larder_levels(const larder_field *field) {
    size_t levels = 0;
    while (levels < LARDER_MAX_LEVELS && field->type[levels] != LARDER_END) levels++;
    return levels;
}

static inline size_t larder_fields(const larder_field *fields) {
    size_t count = 0;
    while (count < LARDER_MAX_COLUMNS && fields[count].name != NULL) count++;
    return count;
}

/* One column of a field: its type, and how many columns it is with all its parts. */
typedef struct {
    larder_type type;
    size_t width;
} larder_node;

/* How many columns the type at `*level` of a field is, with its parts, and which where `nodes` is there. A type that
 * lacks a part is a mistake of the author. */
static inline size_t larder_lay_out(const larder_field *field, size_t *level, larder_node *nodes) {
    if (*level >= larder_levels(field)) abort();
    larder_type type = field->type[(*level)++];
    size_t width = 1, parts = 0;
    switch (larder_kind(type)) {
    case LARDER_ZONED_TIMESTAMP:
        width = 3;
        if (nodes != NULL) nodes[1].type = LARDER_UNIX_TIMESTAMP, nodes[2].type = LARDER_STRING;
        if (nodes != NULL) nodes[1].width = nodes[2].width = 1;
        break;
    case LARDER_ARRAY:
    case LARDER_SET: parts = 1; break;
    case LARDER_OF_STRUCT: parts = larder_members(type); break;
    default: break;
    }
    for (size_t i = 0; i < parts; i++) width += larder_lay_out(field, level, nodes == NULL ? NULL : nodes + width);
    if (nodes != NULL) nodes->type = type, nodes->width = width;
    return width;
}

/* Where the columns of field `index` begin. */
static inline size_t larder_start(const larder_field *fields, size_t index) {
    size_t start = 0;
    for (size_t i = 0; i < index; i++) {
        size_t level = 0;
        start += larder_lay_out(&fields[i], &level, NULL);
        if (level != larder_levels(&fields[i])) abort();
    }
    return start;
}

/* The input at `index` of the declaration. */
static inline const larder_column *larder_input(const larder_call *call, size_t index) {
    if (index >= larder_fields(call->function->inputs)) abort();
    return call->columns + larder_start(call->function->inputs, index);
}

/* The output at `index` of the declaration. */
static inline larder_output *larder_out(larder_call *call, size_t index) {
    if (index >= larder_fields(call->function->outputs)) abort();
    return call->outputs + larder_start(call->function->outputs, index);
}

/* Where the items of a list go, before `larder_append_list`. */
static inline larder_output *larder_out_items(larder_output *output) { return output + 1; }

/* Where the member at `index` of a struct goes, before `larder_append_struct`. */
static inline larder_output *larder_out_member(larder_output *output, size_t index) {
    larder_output *member = output + 1;
    while (index-- > 0) member += member->width;
    if (member >= output + output->width) abort();
    return member;
}

/* Ends the call with an error for whoever asked. The text must outlive the function. */
static inline void larder_fail(larder_call *call, const char *message) { call->error = message; }

static inline void *larder_grown(void *memory, size_t bytes) {
    void *grown = realloc(memory, bytes);
    if (grown == NULL) abort();
    return grown;
}

static inline size_t larder_width(larder_type type) {
    switch (type) {
    case LARDER_INT32:
    case LARDER_FLOAT32: return 4;
    case LARDER_INT64:
    case LARDER_FLOAT64:
    case LARDER_UNIX_TIMESTAMP: return 8;
    default: return 0;
    }
}

static inline void larder_append_bytes(larder_output *output, const void *bytes, size_t length) {
    size_t needed = output->data_length + length;
    if (needed > output->data_capacity) {
        output->data_capacity = needed < 32 ? 64 : 2 * needed;
        output->data = larder_grown(output->data, output->data_capacity);
    }
    if (length != 0) memcpy(output->data + output->data_length, bytes, length);
    output->data_length = needed;
}

/* Makes room for one more entry and says whether it is a value. */
static inline void larder_next(larder_output *output, bool is_valid) {
    size_t i = output->count++;
    if (output->count > output->capacity) {
        output->capacity = output->capacity == 0 ? 64 : 2 * output->capacity;
        output->validity = larder_grown(output->validity, output->capacity / 8);
        output->offsets = larder_grown(output->offsets, (output->capacity + 1) * sizeof(int32_t));
    }
    if (i % 8 == 0) output->validity[i / 8] = 0;
    output->validity[i / 8] |= (uint8_t)(is_valid << (i % 8));
    output->nulls += !is_valid;
}

/* The end of entry `count - 1` of texts and lists. */
static inline void larder_end(larder_output *output) {
    bool is_list = output->type == LARDER_ARRAY || output->type == LARDER_SET;
    size_t end = is_list ? larder_out_items(output)->count : output->data_length;
    if (end > INT32_MAX) abort();
    output->offsets[output->count] = (int32_t)end;
}

/* A wrong append is a mistake of the author, which ends the call. */
static inline void larder_append_fixed(larder_output *output, bool fits, const void *value) {
    if (!fits) abort();
    larder_next(output, true);
    larder_append_bytes(output, value, larder_width(output->type));
}

static inline void larder_append_bit(larder_output *output, bool value) {
    size_t i = output->count - 1;
    if (i % 8 == 0) larder_append_bytes(output, "", 1);
    output->data[i / 8] |= (uint8_t)(value << (i % 8));
}

static inline void larder_append_null(larder_output *output) {
    static const uint8_t zero[8] = {0};
    larder_next(output, false);
    switch (larder_kind(output->type)) {
    case LARDER_BOOL: larder_append_bit(output, false); break;
    case LARDER_ZONED_TIMESTAMP:
    case LARDER_OF_STRUCT:
        /* A member has a row for each struct, null or not. */
        for (larder_output *member = output + 1; member < output + output->width; member += member->width) {
            larder_append_null(member);
        }
        break;
    default:
        if (larder_width(output->type) != 0) larder_append_bytes(output, zero, larder_width(output->type));
        else larder_end(output);
    }
}

static inline void larder_append_bool(larder_output *output, bool value) {
    if (output->type != LARDER_BOOL) abort();
    larder_next(output, true);
    larder_append_bit(output, value);
}

static inline void larder_append_int32(larder_output *output, int32_t value) {
    larder_append_fixed(output, output->type == LARDER_INT32, &value);
}

static inline void larder_append_int64(larder_output *output, int64_t value) {
    larder_append_fixed(output, output->type == LARDER_INT64, &value);
}

static inline void larder_append_float32(larder_output *output, float value) {
    larder_append_fixed(output, output->type == LARDER_FLOAT32, &value);
}

static inline void larder_append_float64(larder_output *output, double value) {
    larder_append_fixed(output, output->type == LARDER_FLOAT64, &value);
}

static inline void larder_append_unix_timestamp(larder_output *output, int64_t micros) {
    larder_append_fixed(output, output->type == LARDER_UNIX_TIMESTAMP, &micros);
}

/* A value of any type of text or bytes. */
static inline void larder_append_text(larder_output *output, const char *text, size_t length) {
    if (output->type < LARDER_STRING || output->type > LARDER_DECIMAL) abort();
    larder_next(output, true);
    larder_append_bytes(output, text, length);
    larder_end(output);
}

/* More of the text that was appended last. */
static inline void larder_append_to_text(larder_output *output, const char *text, size_t length) {
    larder_append_bytes(output, text, length);
    larder_end(output);
}

/* A list of the items that were appended since the last. */
static inline void larder_append_list(larder_output *output) {
    if (output->type != LARDER_ARRAY && output->type != LARDER_SET) abort();
    larder_next(output, true);
    larder_end(output);
}

/* A struct of the members that were appended since the last, one to each. */
static inline void larder_append_struct(larder_output *output) {
    if (larder_kind(output->type) != LARDER_OF_STRUCT) abort();
    larder_next(output, true);
    for (larder_output *member = output + 1; member < output + output->width; member += member->width) {
        if (member->count != output->count) abort();
    }
}

/* A time and the name of its zone, empty for UTC. */
static inline void larder_append_zoned_timestamp(larder_output *output, larder_zoned_time time) {
    if (output->type != LARDER_ZONED_TIMESTAMP) abort();
    larder_next(output, true);
    larder_append_unix_timestamp(output + 1, time.micros);
    larder_append_text(output + 2, time.zone.data, time.zone.length);
}

/* The exports. */

extern const larder_function larder_functions[];
extern const size_t larder_function_count;

#define LARDER_FUNCTIONS(...)                                                                                          \
    const larder_function larder_functions[] = {__VA_ARGS__};                                                          \
    const size_t larder_function_count = sizeof larder_functions / sizeof *larder_functions;

static inline void *larder_zeroed(size_t count, size_t size) {
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) abort();
    return memory;
}

static inline exports_larder_udf_transformation_list_field_t larder_declared(const larder_field *fields) {
    exports_larder_udf_transformation_list_field_t list;
    list.len = larder_fields(fields);
    list.ptr = larder_zeroed(list.len, sizeof *list.ptr);
    for (size_t i = 0; i < list.len; i++) {
        on_demand_feature_view_string_dup(&list.ptr[i].name, fields[i].name);
        size_t level = 0, names = 0, width = larder_lay_out(&fields[i], &level, NULL);
        if (level != larder_levels(&fields[i])) abort();
        larder_node *nodes = larder_zeroed(width, sizeof *nodes);
        level = 0;
        larder_lay_out(&fields[i], &level, nodes);
        list.ptr[i].nodes.len = width;
        list.ptr[i].nodes.ptr = larder_zeroed(width, sizeof(larder_udf_arrow_type_node_t));
        for (size_t part = 0; part < width; part++) {
            larder_udf_arrow_type_node_t *node = &list.ptr[i].nodes.ptr[part];
            larder_type type = nodes[part].type;
            node->tag = (uint8_t)(larder_kind(type) - 1);
            if (larder_kind(type) != LARDER_OF_STRUCT) continue;
            node->val.struct_.len = larder_members(type);
            node->val.struct_.ptr = larder_zeroed(larder_members(type), sizeof *node->val.struct_.ptr);
            for (size_t member = 0; member < larder_members(type); member++, names++) {
                if (names >= LARDER_MAX_LEVELS || fields[i].names[names] == NULL) abort();
                on_demand_feature_view_string_dup(&node->val.struct_.ptr[member], fields[i].names[names]);
            }
        }
    }
    return list;
}

bool exports_larder_udf_transformation_signatures(
    exports_larder_udf_transformation_list_signature_t *ret, exports_larder_udf_transformation_error_t *err) {
    (void)err;
    ret->len = larder_function_count;
    ret->ptr = larder_zeroed(ret->len, sizeof *ret->ptr);
    for (size_t i = 0; i < ret->len; i++) {
        on_demand_feature_view_string_dup(&ret->ptr[i].name, larder_functions[i].name);
        ret->ptr[i].inputs = larder_declared(larder_functions[i].inputs);
        ret->ptr[i].outputs = larder_declared(larder_functions[i].outputs);
    }
    return true;
}

/* Gives the buffers of an output to the column that is returned. */
static inline void larder_finish(larder_output *output, larder_udf_arrow_column_t *column) {
    size_t length = output->count;
    column->validity.is_some = output->nulls != 0;
    if (column->validity.is_some) {
        column->validity.val.ptr = output->validity;
        column->validity.val.len = (length + 7) / 8;
    }
    /* `offsets` has room for one more than there are entries, and its first is 0. */
    output->offsets = larder_grown(output->offsets, (length + 1) * sizeof(int32_t));
    output->offsets[0] = 0;
    on_demand_feature_view_list_s32_t offsets = {output->offsets, length + 1};
    on_demand_feature_view_list_u8_t data = {output->data, output->data_length};
    larder_udf_arrow_values_t *values = &column->values;
    switch (larder_kind(output->type)) {
    case LARDER_BOOL:
        values->tag = LARDER_UDF_ARROW_VALUES_BOOLEAN;
        values->val.boolean = data;
        break;
    case LARDER_INT32:
    case LARDER_INT64:
    case LARDER_FLOAT32:
    case LARDER_FLOAT64:
    case LARDER_UNIX_TIMESTAMP:
        /* The cases of `values` up to here have the order of the types. All lists are alike. */
        values->tag = (uint8_t)(output->type - LARDER_BOOL + LARDER_UDF_ARROW_VALUES_BOOLEAN);
        values->val.int64.ptr = (int64_t *)(void *)output->data;
        values->val.int64.len = length;
        break;
    case LARDER_BYTES:
    case LARDER_PDF_BYTES:
    case LARDER_IMAGE_BYTES:
        values->tag = LARDER_UDF_ARROW_VALUES_BINARY;
        values->val.binary.offsets = offsets;
        values->val.binary.data = data;
        break;
    case LARDER_ARRAY:
    case LARDER_SET:
        values->tag = LARDER_UDF_ARROW_VALUES_OFFSETS;
        values->val.offsets = offsets;
        break;
    case LARDER_ZONED_TIMESTAMP:
    case LARDER_OF_STRUCT: values->tag = LARDER_UDF_ARROW_VALUES_PARENT; break;
    default:
        values->tag = LARDER_UDF_ARROW_VALUES_UTF8;
        values->val.utf8.offsets = offsets;
        values->val.utf8.data = data;
    }
}

/* All columns of fields, which are `width` together. */
static inline larder_node *larder_laid_out(const larder_field *fields, size_t width) {
    larder_node *nodes = larder_zeroed(width, sizeof *nodes);
    if (larder_start(fields, larder_fields(fields)) != width) abort();
    for (size_t i = 0; i < larder_fields(fields); i++) {
        size_t level = 0;
        larder_lay_out(&fields[i], &level, nodes + larder_start(fields, i));
    }
    return nodes;
}

static inline bool larder_refused(exports_larder_udf_transformation_error_t *err, const char *what, const char *name) {
    size_t length = strlen(what), name_length = strlen(name);
    char *message = larder_zeroed(length + name_length + 1, 1);
    memcpy(message, what, length);
    memcpy(message + length, name, name_length);
    on_demand_feature_view_string_dup(&err->message, message);
    return false;
}

bool exports_larder_udf_transformation_transform(
    uint32_t index, exports_larder_udf_transformation_batch_t *input, exports_larder_udf_transformation_batch_t *ret,
    exports_larder_udf_transformation_error_t *err) {
    if (index >= larder_function_count) abort();
    const larder_function *function = &larder_functions[index];
    size_t fields = larder_fields(function->outputs);
    size_t width = larder_start(function->outputs, fields);
    larder_column *columns = larder_zeroed(input->columns.len, sizeof *columns);
    larder_node *nodes = larder_laid_out(function->inputs, input->columns.len);
    for (size_t i = 0; i < input->columns.len; i++) {
        columns[i].raw = input->columns.ptr[i];
        columns[i].width = nodes[i].width;
    }
    larder_call call = {
        .rows = input->row_count,
        .function = function,
        .columns = columns,
        .outputs = larder_zeroed(width, sizeof(larder_output)),
    };
    nodes = larder_laid_out(function->outputs, width);
    for (size_t i = 0; i < width; i++) {
        call.outputs[i].type = nodes[i].type;
        call.outputs[i].width = nodes[i].width;
    }
    function->run(&call);
    if (call.error != NULL) return larder_refused(err, call.error, "");
    for (size_t field = 0; field < fields; field++) {
        if (larder_out(&call, field)->count != call.rows) {
            return larder_refused(err, "there is not one value for each row in output ", function->outputs[field].name);
        }
    }
    ret->row_count = call.rows;
    ret->columns.len = width;
    ret->columns.ptr = larder_zeroed(width, sizeof *ret->columns.ptr);
    for (size_t i = 0; i < width; i++) larder_finish(&call.outputs[i], &ret->columns.ptr[i]);
    /* What is left goes with the instance, after the call. */
    return true;
}

#endif
