/* SPDX-License-Identifier: MIT */
/*
 * Reading the corpus. Files are sorted by name, because a folder's own order differs from machine
 * to machine and the same seed must give the same streams.
 */
#include "fuzz/corpus.h"

#include "unit/wire_vector.h"
#include "vectors/answer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *what, const char *name)
{
    (void)fprintf(stderr, "%s: %s\n", name, what);
    exit(2);
}

static void add_stream(struct corpus *corpus, const char *name, const uint8_t *bytes, size_t len)
{
    if (corpus->count == CORPUS_STREAMS_MAX || len > CORPUS_STREAM_BYTES_MAX) {
        give_up("more streams or larger than the corpus takes", name);
    }
    struct corpus_stream *stream = &corpus->streams[corpus->count];
    (void)snprintf(stream->name, sizeof stream->name, "%s", name);
    stream->bytes = malloc(len > 0 ? len : 1);
    if (stream->bytes == NULL) {
        give_up("out of memory", name);
    }
    memcpy(stream->bytes, bytes, len);
    stream->len = len;
    corpus->count++;
}

static void add_file(struct corpus *corpus, const char *path, const char *name)
{
    uint8_t bytes[CORPUS_STREAM_BYTES_MAX + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        give_up("cannot be read", path);
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    add_stream(corpus, name, bytes, len);
}

/* Huge events are cases of their own; here they would only slow down. */
static void add_wire_case(struct corpus *corpus, const char *path, const char *name)
{
    wire_case loaded;
    char problem[256];
    if (!wire_case_load(&loaded, path, problem, sizeof problem)) {
        give_up(problem, path);
    }
    for (size_t i = 0; i < loaded.variant_count; i++) {
        const wire_bytes *body = &loaded.variants[i].body;
        if (body->len > 0 && body->len <= CORPUS_STREAM_BYTES_MAX) {
            add_stream(corpus, name, body->data, body->len);
        }
    }
    wire_case_unload(&loaded);
}

static int is_file_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add_folder(struct corpus *corpus, const char *vectors_folder, const char *folder,
                       void (*add)(struct corpus *corpus, const char *path, const char *name))
{
    struct dirent **entries;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", vectors_folder, folder);
    int count = scandir(path, &entries, is_file_name, alphasort);
    if (count <= 0) {
        give_up("no streams there", path);
    }
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s/%s", vectors_folder, folder, entries[i]->d_name);
        add(corpus, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

void corpus_load(struct corpus *corpus, const char *vectors_folder)
{
    corpus->count = 0;
    add_folder(corpus, vectors_folder, "streams", add_file);
    add_folder(corpus, vectors_folder, "wire", add_wire_case);
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        if (vectors[i].bytes[0] != '\0') {
            add_stream(corpus, vectors[i].name, (const uint8_t *)vectors[i].bytes,
                       strlen(vectors[i].bytes));
        }
    }
}

void corpus_unload(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->count; i++) {
        free(corpus->streams[i].bytes);
    }
    corpus->count = 0;
}
