/* SPDX-License-Identifier: MIT */
/*
 * Sections of the configuration file. See settings.h.
 */
#include "cli/settings.h"

#include "cli/number.h"
#include "cli/out.h"

#include <stddef.h>
#include <string.h>

/* Behind the point: a millionth of a dollar per million tokens is a picodollar a token. */
enum { DOLLAR_DIGITS = 6 };

#define UNSET UINT64_MAX /* a price that was not given */
#define GAPS " \t"

const char cli_settings_want_true[] = "true is the only value that this can have";
const char cli_settings_want_value[] = "the value is missing";
const char cli_settings_want_private[] = "others can read this file: chmod 600, or use key-file";

static bool refuse(const cli_ini *ini, const char *wrong)
{
    return cli_ini_refuse(ini, false, wrong);
}

/* Refuses a section that was read to its end. */
static bool refuse_part(const cli_settings *settings, const cli_ini *ini, const char *wrong)
{
    return cli_out_say(false, "%s, line %u: %s", ini->path, settings->part_line, wrong);
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
    static const struct {
        char name[15];
        uint8_t offset;
    } rows[] = {
        {"url", offsetof(cli_relay, url)},
        {"key", offsetof(cli_relay, key)},
        {"key-file", offsetof(cli_relay, key_file)},
        {"auth-header", offsetof(cli_relay, auth_header)},
        {"query", offsetof(cli_relay, query)},
        {"cacert", offsetof(cli_relay, cacert)},
        {"capath", offsetof(cli_relay, capath)},
        {"address", offsetof(cli_relay, address)},
        {"proxy", offsetof(cli_relay, proxy)},
        {"proxy-key-file", offsetof(cli_relay, proxy_key_file)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            return (const char **)(void *)((char *)relay + rows[i].offset);
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

enum cmx_tier cli_settings_tier(const char *text, size_t len)
{
    static const char names[][8] = {
        [CMX_TIER_LOW] = "low", [CMX_TIER_MEDIUM] = "medium", [CMX_TIER_HIGH] = "high"};
    for (size_t i = CMX_TIER_LOW; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) {
            return (enum cmx_tier)i;
        }
    }
    return CMX_TIER_ANY;
}

static bool read_tiers(const char *text, uint32_t *tiers)
{
    *tiers = 0;
    do {
        size_t len = strcspn(text, "," GAPS);
        enum cmx_tier tier = cli_settings_tier(text, len);
        if (tier == CMX_TIER_ANY) {
            return false;
        }
        *tiers |= 1u << tier;
        text += len;
        text += strspn(text, "," GAPS);
    } while (*text != '\0');
    return true;
}

static bool take_target(cli_target *row, const cli_ini *ini)
{
    const char *value = ini->value == NULL ? "" : ini->value;
    const char *wrong = NULL;
    uint64_t number = 0;
    if (strcmp(ini->name, "relay") == 0) {
        row->relay = value;
    } else if (strcmp(ini->name, "model") == 0) {
        row->target.model = value;
    } else if (strcmp(ini->name, "weight") == 0) {
        if (!cli_number_read(value, CLI_NUMBER_MILLI_DIGITS, true, CMX_TARGET_WEIGHT_MAX,
                             &number) ||
            number == 0) {
            wrong = "a number from 0.001 to 1000 is needed";
        }
        row->target.weight_milli = (uint32_t)number;
    } else if (strcmp(ini->name, "rank") == 0) {
        if (!cli_number_read(value, 0, true, CMX_TARGET_RANK_MAX, &number)) {
            wrong = "a whole number from 0 to 7 is needed";
        }
        row->target.rank = (uint32_t)number;
    } else if (strcmp(ini->name, "tier") == 0) {
        if (!read_tiers(value, &row->target.tiers)) {
            wrong = "low, medium, high, or several of them with commas";
        }
    } else {
        wrong = "a target has relay, model, tier, weight and rank";
    }
    return wrong == NULL || refuse(ini, wrong);
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
    if (ini->value == NULL ||
        !cli_number_read(ini->value, DOLLAR_DIGITS, true, CMX_PRICE_MAX, field)) {
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
