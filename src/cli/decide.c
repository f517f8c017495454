/* SPDX-License-Identifier: MIT */
/*
 * What options mean together. See decide.h.
 */
#include "cli/decide.h"

#include "cli/out.h"
#include "cli/system.h"

#include <string.h>

static int refuse(const char *wrong)
{
    return cli_out_say(CLI_EXIT_USAGE, "%s", wrong);
}

static bool has_target(const cli_settings *settings, enum cmx_tier tier)
{
    for (size_t i = 0; i < settings->target_count; i++) {
        uint32_t tiers = settings->targets[i].target.tiers;
        if (tier == CMX_TIER_ANY || tiers == 0 || (tiers & 1u << tier) != 0) {
            return true;
        }
    }
    return false;
}

/* Of --model and --tier the one in the arguments counts, not that in the file. */
static int decide_route(cli_options *options)
{
    const bool has_targets = options->settings.target_count > 0;
    const bool model_argued = options->chat.model != options->file.model;
    const bool tier_argued = options->chat.tier != options->file.tier;
    if (tier_argued && !model_argued) {
        options->chat.model = NULL;
    } else if (model_argued && !tier_argued) {
        options->chat.tier = CMX_TIER_ANY;
    }
    if (options->chat.tier != CMX_TIER_ANY && options->chat.model != NULL) {
        return refuse("--tier lets a target choose the model: leave out --model");
    }
    if (options->chat.tier != CMX_TIER_ANY && !has_targets) {
        return refuse("--tier: there are no targets: give --config with [target] sections");
    }
    if (!has_target(&options->settings, options->chat.tier) && has_targets) {
        return refuse("--tier: no [target] of --config is for this one");
    }
    options->routed = has_targets && options->chat.model == NULL;
    if (options->chat.model == NULL && !has_targets) {
        options->chat.model = "gpt-4.1";
    }
    return 0;
}

static void drop(const char **field, const char *of_file)
{
    if (*field == of_file) {
        *field = NULL;
    }
}

/* What the file says of its server, keys above all, never reaches another one. */
static void keep_to_server(cli_options *options)
{
    const cli_relay *file = &options->file.relay;
    cli_relay *relay = &options->relay;
    if (file->url != NULL && strcmp(file->url, relay->url) != 0) {
        relay->key = NULL;
        drop(&relay->key_file, file->key_file);
        drop(&relay->auth_header, file->auth_header);
        drop(&relay->query, file->query);
        drop(&relay->address, file->address);
        relay->header_count -= file->header_count;
        memmove(options->headers, options->headers + file->header_count,
                relay->header_count * sizeof options->headers[0]);
    }
    if (file->proxy != NULL && strcmp(file->proxy, relay->proxy) != 0) {
        drop(&relay->proxy_key_file, file->proxy_key_file);
    }
}

int cli_decide(cli_options *options)
{
    keep_to_server(options);
    if (options->relay.url == NULL) {
        options->relay.url = cli_system_environment("OPENAI_BASE_URL", "https://api.openai.com/v1");
    }
    if (options->chat.choices != CMX_UNSET && options->chat.choices > 1 && !options->json) {
        return refuse("--choices: answers that come at once need --json");
    }
    int rc = decide_route(options);
    if (rc == 0 && options->price_file != NULL &&
        !cli_settings_read_prices(&options->settings, options->price_file)) {
        rc = CLI_EXIT_USAGE;
    }
    return rc;
}
