/* SPDX-License-Identifier: MIT */
/*
 * What the configuration file and the price file say beyond options: relays, targets, prices.
 * Lines that are options are handed on. Owns both texts.
 */
#ifndef CMX_CLI_SETTINGS_H
#define CMX_CLI_SETTINGS_H

#include "chatmux/chatmux.h"
#include "cli/ini.h"

/* What is wrong with a line, in the same words for options. */
extern const char cli_settings_want_true[];
extern const char cli_settings_want_value[];
extern const char cli_settings_want_private[];

enum { CLI_TARGETS_MAX = 64, CLI_PRICES_MAX = 256, CLI_RELAYS_MAX = 15 };

/* A section [relay NAME]; texts as options of the same names. */
typedef struct cli_relay {
    const char *name; /* NULL = the relay of the options */
    const char *url;
    const char *key; /* only from a file that its owner alone can read */
    const char *key_file;
    const char *auth_header;
    const char *query;
    const char *cacert;
    const char *capath;
    const char *address;
    const char *proxy;
    const char *proxy_key_file;
    const cmx_header *headers; /* of the options alone */
    size_t header_count;
    bool no_key;
} cli_relay;

/* A section [target]. */
typedef struct cli_target {
    const char *relay; /* name of a relay; NULL = the one of the options */
    cmx_target target; /* origin is found out later */
    unsigned line;     /* of the section, for messages */
} cli_target;

/* Which kind of section is being read. */
enum cli_part { CLI_PART_OPTIONS, CLI_PART_RELAY, CLI_PART_TARGET, CLI_PART_PRICE };

typedef struct cli_settings {
    cli_ini config; /* its text holds what is below */
    cli_ini prices_text;
    enum cli_part part;
    unsigned part_line;
    cli_relay relays[CLI_RELAYS_MAX];
    size_t relay_count;
    cli_target targets[CLI_TARGETS_MAX];
    size_t target_count;
    cmx_price prices[CLI_PRICES_MAX];
    size_t price_count;
} cli_settings;

/* Returns the tier of that name, CMX_TIER_ANY if there is none. */
enum cmx_tier cli_settings_tier(const char *text, size_t len);

/* Opens the configuration file; on a mistake says so on stderr. */
bool cli_settings_open(cli_settings *settings, const char *path);

/* Keeps what relays, targets and prices say, up to the next line that is about options.
 *
 * Returns CLI_INI_SECTION or CLI_INI_PAIR (`settings->config` has the line), CLI_INI_END (the file
 * is over, and whole), or CLI_INI_WRONG (said on stderr). */
enum cli_ini_line cli_settings_next(cli_settings *settings);

/* Returns the relay of that name, or NULL. */
const cli_relay *cli_settings_find(const cli_settings *settings, const char *name);

/* Reads a price file: a section for each model, such as [gpt-4.1], with input, cached-input and
 * output in dollars per million tokens. Without cached-input that is as dear as input. Returns
 * false on a mistake, said on stderr. */
bool cli_settings_read_prices(cli_settings *settings, const char *path);

/* Wipes everything; allowed on zeroed memory. */
void cli_settings_close(cli_settings *settings);

#endif
