/* SPDX-License-Identifier: MIT */
/*
 * Sections of the configuration file. See settings.h.
 */
#include "cli/settings.h"

#include <stdio.h>
#include <string.h>

/* Behind the point: a millionth of a dollar per million tokens is a picodollar a token. */
enum { DOLLAR_DIGITS = 6, MILLI_DIGITS = 3 };

#define UNSET UINT64_MAX /* a price that was not given */
#define GAPS " \t"

const char cli_settings_want_true[] = "true is the only value that this can have";
const char cli_settings_want_value[] = "the value is missing";
const char cli_settings_want_private[] = "others can read this file: chmod 600, or use key-file";

static bool refuse(const cli_ini *ini, const char *wrong)
{
    cli_ini_refuse(ini, wrong);
    return false;
}

/* Refuses a section that was read to its end. */
static bool refuse_part(const cli_settings *settings, const cli_ini *ini, const char *wrong)
{
    fprintf(stderr, "chatmux: %s, line %u: %s\n", ini->path, settings->part_line, wrong);
    return false;
}

/* "2.50" with six digits behind the point to 2500000: exact, no floating point. */
static bool read_decimal(const char *text, unsigned digits, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    unsigned behind = 0;
    bool has_point = false;
    bool has_digit = false;
    for (; *text != '\0'; text++) {
        if (*text == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || (has_point && behind == digits) || value > max) {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        behind += has_point ? 1u : 0u;
        has_digit = true;
    }
    for (; behind < digits && value <= max; behind++) {
        value *= 10;
    }
    *out = value;
    return has_digit && value <= max;
}

const cli_relay *cli_settings_find(const cli_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->relay_count; i++) {
        if (strcmp(settings->relays[i].name, name) == 0) {
            return &settings->relays[i];
        }
    }
    return NULL;
}

/* Names stand in messages and in JSON. */
static bool is_word(const char *name)
{
    const char *at = name;
    while (*at > ' ' && *at <= '~') {
        at++;
    }
    return at != name && *at == '\0';
}

static bool open_relay(cli_settings *settings, const cli_ini *ini, const char *name)
{
    if (!is_word(name)) {
        return refuse(ini, "the relay needs a name, one word of ASCII: [relay NAME]");
    }
    if (cli_settings_find(settings, name) != NULL) {
        return refuse(ini, "a relay of this name is in the file already");
    }
    if (settings->relay_count == CLI_RELAYS_MAX) {
        return refuse(ini, "too many relays: 15 beside the one of the options");
    }
    settings->relays[settings->relay_count++] = (cli_relay){.name = name};
    return true;
}

static bool open_target(cli_settings *settings, const cli_ini *ini, const char *rest)
{
    if (rest[0] != '\0') {
        return refuse(ini, "a target has no name: [target]");
    }
    if (settings->target_count == CLI_TARGETS_MAX) {
        return refuse(ini, "too many targets: 64 at most");
    }
    cli_target *row = &settings->targets[settings->target_count++];
    *row = (cli_target){.relay = NULL, .line = ini->line};
    cmx_target_default(&row->target);
    return true;
}

static bool open_price(cli_settings *settings, const cli_ini *ini, const char *model)
{
    if (model[0] == '\0' || strlen(model) > CMX_TARGET_MODEL_BYTES_MAX) {
        return refuse(ini, "the section must name the model, in at most 128 bytes");
    }
    for (size_t i = 0; i < settings->price_count; i++) {
        if (strcmp(settings->prices[i].model, model) == 0) {
            return refuse(ini, "this model has a price already");
        }
    }
    if (settings->price_count == CLI_PRICES_MAX) {
        return refuse(ini, "too many prices: 256 at most");
    }
    settings->prices[settings->price_count++] = (cmx_price){model, UNSET, UNSET, UNSET};
    return true;
}

static const char **find_text(cli_relay *relay, const char *name)
{
    const struct {
        const char *name;
        const char **field;
    } names[] = {
        {"url", &relay->url},           {"key", &relay->key},
        {"key-file", &relay->key_file}, {"auth-header", &relay->auth_header},
        {"query", &relay->query},       {"cacert", &relay->cacert},
        {"capath", &relay->capath},     {"address", &relay->address},
        {"proxy", &relay->proxy},       {"proxy-key-file", &relay->proxy_key_file},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            return names[i].field;
        }
    }
    return NULL;
}

static bool take_relay(cli_relay *relay, const cli_ini *ini)
{
    if (strcmp(ini->name, "no-key") == 0) {
        relay->no_key = true;
        return ini->value == NULL || strcmp(ini->value, "true") == 0 ||
               refuse(ini, cli_settings_want_true);
    }
    const char **field = find_text(relay, ini->name);
    if (field == NULL) {
        return refuse(ini, "a relay has no such thing; see the manual page");
    }
    /* An empty proxy is none, whatever the environment says. */
    if (ini->value == NULL || (ini->value[0] == '\0' && field != &relay->proxy)) {
        return refuse(ini, cli_settings_want_value);
    }
    if (field == &relay->key && !ini->is_private) {
        return refuse(ini, cli_settings_want_private);
    }
    *field = ini->value;
    return true;
}

static bool read_tiers(const char *text, uint32_t *tiers)
{
    static const struct {
        const char *name;
        enum cmx_tier tier;
    } names[] = {{"low", CMX_TIER_LOW}, {"medium", CMX_TIER_MEDIUM}, {"high", CMX_TIER_HIGH}};
    *tiers = 0;
    do {
        size_t len = strcspn(text, "," GAPS);
        uint32_t bit = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (strlen(names[i].name) == len && memcmp(names[i].name, text, len) == 0) {
                bit = 1u << names[i].tier;
            }
        }
        if (bit == 0) {
            return false;
        }
        *tiers |= bit;
        text += len;
        text += strspn(text, "," GAPS);
    } while (*text != '\0');
    return true;
}

static bool take_target(cli_target *row, const cli_ini *ini)
{
    const char *value = ini->value == NULL ? "" : ini->value;
    uint64_t number = 0;
    if (strcmp(ini->name, "relay") == 0) {
        row->relay = value;
    } else if (strcmp(ini->name, "model") == 0) {
        row->target.model = value;
    } else if (strcmp(ini->name, "weight") == 0) {
        if (!read_decimal(value, MILLI_DIGITS, CMX_TARGET_WEIGHT_MAX, &number) || number == 0) {
            return refuse(ini, "a number from 0.001 to 1000 is needed");
        }
        row->target.weight_milli = (uint32_t)number;
    } else if (strcmp(ini->name, "rank") == 0) {
        if (!read_decimal(value, 0, CMX_TARGET_RANK_MAX, &number)) {
            return refuse(ini, "a whole number from 0 to 7 is needed");
        }
        row->target.rank = (uint32_t)number;
    } else if (strcmp(ini->name, "tier") == 0) {
        if (!read_tiers(value, &row->target.tiers)) {
            return refuse(ini, "low, medium, high, or several of them with commas");
        }
    } else {
        return refuse(ini, "a target has relay, model, tier, weight and rank");
    }
    return true;
}

static bool take_price(cmx_price *price, const cli_ini *ini)
{
    uint64_t *field = NULL;
    if (strcmp(ini->name, "input") == 0) {
        field = &price->input;
    } else if (strcmp(ini->name, "cached-input") == 0) {
        field = &price->cached_input;
    } else if (strcmp(ini->name, "output") == 0) {
        field = &price->output;
    } else {
        return refuse(ini, "a price has input, cached-input and output");
    }
    if (ini->value == NULL || !read_decimal(ini->value, DOLLAR_DIGITS, CMX_PRICE_MAX, field)) {
        return refuse(ini, "dollars per million tokens are needed, such as 2.50: at most a "
                           "million, six digits behind the point");
    }
    return true;
}

/* What is between "[word" and "]", or NULL if the section is another one. */
static const char *rest_of(const char *section, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(section, word, len) != 0 ||
        (section[len] != '\0' && strchr(GAPS, section[len]) == NULL)) {
        return NULL;
    }
    return section + len + strspn(section + len, GAPS);
}

static bool begin_part(cli_settings *settings)
{
    static const struct {
        const char *word;
        enum cli_part part;
        bool (*open)(cli_settings *settings, const cli_ini *ini, const char *rest);
    } parts[] = {
        {"relay", CLI_PART_RELAY, open_relay},
        {"target", CLI_PART_TARGET, open_target},
        {"price", CLI_PART_PRICE, open_price},
    };
    const cli_ini *ini = &settings->config;
    settings->part_line = ini->line;
    settings->part = CLI_PART_OPTIONS;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *rest = rest_of(ini->section, parts[i].word);
        if (rest != NULL) {
            settings->part = parts[i].part;
            return parts[i].open(settings, ini, rest);
        }
    }
    return true;
}

static bool keep_pair(cli_settings *settings, const cli_ini *ini)
{
    switch (settings->part) {
    case CLI_PART_OPTIONS:
        break;
    case CLI_PART_RELAY:
        return take_relay(&settings->relays[settings->relay_count - 1], ini);
    case CLI_PART_TARGET:
        return take_target(&settings->targets[settings->target_count - 1], ini);
    case CLI_PART_PRICE:
        return take_price(&settings->prices[settings->price_count - 1], ini);
    }
    return true;
}

/* Tokens that cost nothing must be said to: what is left out is a mistake. */
static bool end_price(cli_settings *settings, const cli_ini *ini)
{
    cmx_price *price = &settings->prices[settings->price_count - 1];
    if (price->input == UNSET || price->output == UNSET) {
        return refuse_part(settings, ini, "the price needs both input and output");
    }
    if (price->cached_input == UNSET) {
        price->cached_input = price->input;
    }
    return true;
}

/* A section is over: is all there that it needs? */
static bool end_part(cli_settings *settings, const cli_ini *ini)
{
    const char *text;
    switch (settings->part) {
    case CLI_PART_OPTIONS:
        break;
    case CLI_PART_RELAY:
        return settings->relays[settings->relay_count - 1].url != NULL ||
               refuse_part(settings, ini, "the relay needs an url");
    case CLI_PART_TARGET:
        text = settings->targets[settings->target_count - 1].target.model;
        return (text != NULL && text[0] != '\0' && strlen(text) <= CMX_TARGET_MODEL_BYTES_MAX) ||
               refuse_part(settings, ini, "the target needs a model, of at most 128 bytes");
    case CLI_PART_PRICE:
        return end_price(settings, ini);
    }
    return true;
}

/* Relays may stand behind the targets that name them. */
static bool check_targets(cli_settings *settings)
{
    for (size_t i = 0; i < settings->target_count; i++) {
        const cli_target *row = &settings->targets[i];
        if (row->relay != NULL && cli_settings_find(settings, row->relay) == NULL) {
            settings->part_line = row->line;
            return refuse_part(settings, &settings->config,
                               "the target's relay is not in the file");
        }
    }
    return true;
}

bool cli_settings_open(cli_settings *settings, const char *path)
{
    return cli_ini_open(&settings->config, "--config", path);
}

enum cli_ini_line cli_settings_next(cli_settings *settings)
{
    bool is_right = true;
    while (is_right) {
        enum cli_ini_line line = cli_ini_next(&settings->config);
        switch (line) {
        case CLI_INI_WRONG:
            return line;
        case CLI_INI_END:
            is_right = end_part(settings, &settings->config) && check_targets(settings);
            return is_right ? line : CLI_INI_WRONG;
        case CLI_INI_SECTION:
            is_right = end_part(settings, &settings->config) && begin_part(settings);
            break;
        case CLI_INI_PAIR:
            is_right = keep_pair(settings, &settings->config);
            break;
        }
        if (is_right && settings->part == CLI_PART_OPTIONS) {
            return line;
        }
    }
    return CLI_INI_WRONG;
}

bool cli_settings_read_prices(cli_settings *settings, const char *path)
{
    cli_ini *ini = &settings->prices_text;
    settings->part = CLI_PART_OPTIONS;
    if (!cli_ini_open(ini, "--price-file", path)) {
        return false;
    }
    for (;;) {
        switch (cli_ini_next(ini)) {
        case CLI_INI_WRONG:
            return false;
        case CLI_INI_END:
            return end_part(settings, ini);
        case CLI_INI_SECTION:
            if (!end_part(settings, ini) || !open_price(settings, ini, ini->section)) {
                return false;
            }
            settings->part = CLI_PART_PRICE;
            settings->part_line = ini->line;
            break;
        case CLI_INI_PAIR:
            if (settings->part != CLI_PART_PRICE) {
                return refuse(ini, "a section must come first that names the model");
            }
            if (!take_price(&settings->prices[settings->price_count - 1], ini)) {
                return false;
            }
            break;
        }
    }
}

void cli_settings_close(cli_settings *settings)
{
    cli_ini_close(&settings->config);
    cli_ini_close(&settings->prices_text);
    memset(settings, 0, sizeof *settings);
}
