/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 15: the learner's sum against one of the checker's own. In
 * `overlap` a hash goes on only when the next read has begun: what must run
 * side by side is known by what happens, not by how long it takes.
 */
#undef hash_bytes

/* The sum of `length` bytes, in one piece. */
static void sum_of(const uint8_t *bytes, size_t length, char *text)
{
    struct sha1 sha1;

    sha1_begin(&sha1);
    for (size_t at = 0; at + 64 <= length; at += 64)
        sha1_piece(&sha1, bytes + at);
    sha1.length = length;
    sha1.rest_length = length % 64;
    memcpy(sha1.rest, bytes + length / 64 * 64, length % 64);
    sha1_end(&sha1, text);
}

/* --- 15.1 -------------------------------------------------------------- */

static uint8_t data[1024];

/* A first block of whole pieces, and a last one of any length. */
static void try_bytes(size_t first, size_t last)
{
    char wanted[SHA1_TEXT], found[SHA1_TEXT];
    struct sha1 sha1;
    const size_t length = first + last;

    sha1_begin(&sha1);
    if (first)
        hash_bytes(&sha1, data, first);
    if (last)
        hash_bytes(&sha1, data + first, last);
    probe_expect(sha1.length == length, "WRONG LENGTH @15.1", "counted",
                 (long)sha1.length, (long)length, 0);
    sum_of(data, length, wanted);
    sha1_end(&sha1, found);
    if (strcmp(wanted, found) == 0)
        return;
    probe_expect(length % 64 == 0, "REST LOST", "bytes", (long)length,
                 (long)(length % 64), 0);
    probe_fail("WRONG RESULT @15.1", "sum", (long)length, 0, 0);
}

PROBE_CASE(bytes)
{
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)probe_random(256);
    for (size_t i = 1; i <= 4; i++)
        try_bytes(0, 64 * i);
    for (size_t i = 1; i <= 3; i++)
        try_bytes(64 * i, 128);
    for (size_t i = 0; i < 200; i++)
        try_bytes(64 * (i % 5), i);
}

/* --- 15.2 -------------------------------------------------------------- */

static int sum_file(struct stream *stream, int bytes)
{
    struct rv_runtime *runtime;
    struct rv_scope scope;
    int result;

    probe_thread("main");
    stream->name = "file";
    stream->probe_index = OWN_FILES; /* no bar */
    stream->probe_blocks = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (rv_runtime_start(&runtime) < 0)
        abort();
    rv_scope_init(&scope, rv_runtime_executor(runtime));
    rv_scope_spawn(&scope, file_new(stream));
    result = rv_runtime_block_on(runtime, &scope.future);
    rv_runtime_stop(runtime);
    return result;
}

static void try_file(int bytes)
{
    char wanted[SHA1_TEXT], found[SHA1_TEXT];
    struct stream stream = {.fd = make_file(bytes)};
    uint8_t *all = calloc(1, (size_t)bytes + 1);
    int result;

    if (!all || pread(stream.fd, all, (size_t)bytes, 0) != bytes)
        abort();
    result = sum_file(&stream, bytes);
    probe_expect(result == 0, "ERROR LOST", "spurious_number", result, 0, 0);
    probe_expect(stream.sha1.length == (uint64_t)bytes, "WRONG LENGTH", "file",
                 (long)stream.sha1.length, bytes, 0);
    sum_of(all, (size_t)bytes, wanted);
    sha1_end(&stream.sha1, found);
    probe_expect(strcmp(wanted, found) == 0, "WRONG RESULT", "sum", bytes, 0,
                 0);
    free(all);
    close(stream.fd);
}

PROBE_CASE(overlap)
{
    probe_gate = true;
    try_file(6 * BLOCK_BYTES);
    try_file(5 * BLOCK_BYTES + 100);
}

PROBE_CASE(sums)
{
    static const int sizes[] = {0,
                                1,
                                64,
                                100,
                                BLOCK_BYTES - 1,
                                BLOCK_BYTES,
                                BLOCK_BYTES + 1,
                                3 * BLOCK_BYTES - 64};

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        try_file(sizes[i]);
}

/* A folder cannot be read: the first read fails. Then a later one. */
PROBE_CASE(error)
{
    struct stream damaged = {.fd = make_file(4 * BLOCK_BYTES)};
    struct stream stream = {.fd = open("/", O_RDONLY | O_CLOEXEC)};
    int result;

    if (stream.fd < 0)
        abort();
    result = sum_file(&stream, BLOCK_BYTES);
    probe_expect(result == -EISDIR, "ERROR LOST", "read", result, -EISDIR, 0);
    probe_bad_block = 2;
    result = sum_file(&damaged, 4 * BLOCK_BYTES);
    probe_expect(result == -EIO, "ERROR LOST", "later", result, -EIO,
                 probe_bad_block);
}
