/* SPDX-License-Identifier: MIT */
/*
 * The differential campaign: the corpus as it is, then as many mutated streams as asked for, each
 * named by a seed. A stream on which two ways of decoding differ is made smaller as long as they
 * still differ, and printed with its seed. Exit: 0 all agree, 1 they differ, 2 wrong use.
 */
#include "fuzz/judge.h"
#include "fuzz/mutate.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { FINDINGS_MAX = 5, STREAM_SECONDS_MAX = 20, CORPUS_SETTINGS = 64 };

struct options {
    const char *folder;
    uint64_t streams;
    uint64_t seed;
    uint64_t replay;
    bool has_replay;
    const char *stream; /* name of a recorded stream that is replayed unchanged; NULL = mutated */
};

struct campaign {
    struct corpus corpus;
    uint8_t bytes[DECODE_STREAM_BYTES_MAX];
    uint64_t streams;
    uint64_t stream_bytes;
    uint64_t findings;
};

static struct campaign campaign;

/* What a signal handler prints: a crash must name its seed, too. */
static volatile uint64_t current_seed;
static const char *volatile current_name; /* NULL = mutated */

static void print_plain(const char *text)
{
    ssize_t unused = write(STDERR_FILENO, text, strlen(text));
    (void)unused;
}

static void on_crash(int number)
{
    char seed[] = "0000000000000000";
    for (size_t i = 0; i < 16; i++) {
        seed[15 - i] = "0123456789abcdef"[current_seed >> (4 * i) & 15];
    }
    print_plain("crashed or hung; chatmux-differential --replay 0x");
    print_plain(seed);
    if (current_name != NULL) {
        print_plain(" --stream '");
        print_plain(current_name);
        print_plain("'");
    }
    print_plain("\n");
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* Takes out ever smaller parts as long as the finding stays. */
static size_t minimise(uint8_t *bytes, size_t len, uint64_t seed)
{
    static uint8_t smaller[DECODE_STREAM_BYTES_MAX];
    for (size_t part = len / 2; part > 0; part = part > 1 ? (part + 1) / 2 : 0) {
        for (size_t at = 0; at + part <= len;) {
            memcpy(smaller, bytes, at);
            memcpy(smaller + at, bytes + at + part, len - at - part);
            if (judge_stream(smaller, len - part, seed).what == NULL) {
                at += part;
                continue;
            }
            len -= part;
            memcpy(bytes, smaller, len);
        }
    }
    return len;
}

static void report(uint8_t *bytes, size_t len, uint64_t seed)
{
    const char *name = current_name;
    (void)printf("differ; chatmux-differential --replay 0x%016llx%s%s%s\n",
                 (unsigned long long)seed, name == NULL ? "" : " --stream '",
                 name == NULL ? "" : name, name == NULL ? "" : "'");
    len = minimise(bytes, len, seed);
    struct judge_finding finding = judge_stream(bytes, len, seed);
    (void)printf("they differ in: %s\n-- the smallest stream that shows it, %zu bytes:\n",
                 finding.what, len);
    judge_print_escaped(stdout, bytes, len);
    judge_explain(stdout, &finding, bytes, len, seed);
    campaign.findings++;
}

static void judge(uint8_t *bytes, size_t len, uint64_t seed)
{
    current_seed = seed;
    campaign.streams++;
    campaign.stream_bytes += len;
    if (judge_stream(bytes, len, seed).what != NULL) {
        report(bytes, len, seed);
    }
}

/* Makes and judges the stream that `seed` names. */
static void play(uint64_t seed, bool is_printed)
{
    struct fuzz_random random = {seed};
    struct mutate_stream stream = {campaign.bytes, 0, sizeof campaign.bytes};
    current_seed = seed;
    mutate_make(&stream, &campaign.corpus, &random);
    if (is_printed) {
        (void)printf("-- the stream, %zu bytes:\n", stream.len);
        judge_print_escaped(stdout, stream.bytes, stream.len);
    }
    judge(stream.bytes, stream.len, seed);
}

/* Judges a stream of the corpus as it is, in the setting that `seed` names. */
static void play_recorded(const struct corpus_stream *stream, uint64_t seed)
{
    size_t len = stream->len < sizeof campaign.bytes ? stream->len : sizeof campaign.bytes;
    memcpy(campaign.bytes, stream->bytes, len);
    current_name = stream->name;
    judge(campaign.bytes, len, seed);
    current_name = NULL;
}

static void play_corpus(uint64_t seed)
{
    struct fuzz_random random = {seed};
    for (size_t i = 0; i < campaign.corpus.count; i++) {
        for (int k = 0; k < CORPUS_SETTINGS && campaign.findings < FINDINGS_MAX; k++) {
            play_recorded(&campaign.corpus.streams[i], fuzz_random_next(&random));
        }
    }
}

static void play_again(const struct options *options)
{
    if (options->stream == NULL) {
        play(options->replay, true);
        return;
    }
    for (size_t i = 0; i < campaign.corpus.count; i++) {
        if (strcmp(campaign.corpus.streams[i].name, options->stream) == 0) {
            play_recorded(&campaign.corpus.streams[i], options->replay);
        }
    }
}

static bool read_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) {
            return false;
        }
        if (strcmp(argv[i], "--vectors") == 0) {
            options->folder = argv[i + 1];
        } else if (strcmp(argv[i], "--streams") == 0) {
            options->streams = strtoull(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--seed") == 0) {
            options->seed = strtoull(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--replay") == 0) {
            options->replay = strtoull(argv[i + 1], NULL, 0);
            options->has_replay = true;
        } else if (strcmp(argv[i], "--stream") == 0) {
            options->stream = argv[i + 1];
        } else {
            return false;
        }
    }
    return options->folder != NULL;
}

static void watch_for_crashes(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGILL, SIGTRAP, SIGALRM};
    for (size_t i = 0; i < CMX_ARRAY_LEN(signals); i++) {
        (void)signal(signals[i], on_crash);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.folder = FUZZ_VECTORS, .streams = 100000, .seed = 1};
    if (!read_options(argc, argv, &options)) {
        (void)fprintf(stderr, "usage: chatmux-differential [--streams N] [--seed S] "
                              "[--replay SEED [--stream NAME]] [--vectors FOLDER]\n");
        return 2;
    }
    watch_for_crashes();
    corpus_load(&campaign.corpus, options.folder);
    struct fuzz_random seeds = {options.seed};
    if (options.has_replay) {
        play_again(&options);
    } else {
        play_corpus(options.seed);
        for (uint64_t i = 0; i < options.streams && campaign.findings < FINDINGS_MAX; i++) {
            if (i % 1024 == 0) {
                (void)alarm(STREAM_SECONDS_MAX);
            }
            play(fuzz_random_next(&seeds), false);
        }
    }
    (void)printf("differential: %llu streams (%llu bytes, from %zu recorded ones), seed %llu: "
                 "%llu differ\n",
                 (unsigned long long)campaign.streams, (unsigned long long)campaign.stream_bytes,
                 campaign.corpus.count, (unsigned long long)options.seed,
                 (unsigned long long)campaign.findings);
    corpus_unload(&campaign.corpus);
    return campaign.findings > 0 ? 1 : 0;
}
