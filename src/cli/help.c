/* SPDX-License-Identifier: MIT */
/*
 * Help texts. See help.h.
 */
#include "cli/help.h"

#include "chatmux/version.h"
#include "cli/out.h"

enum { EXPLANATION_COLUMN = 24 };

static const char main_text[] =
    "chatmux " CMX_VERSION_TEXT ": many chat completions over a few HTTP/2 connections\n"
    "\n"
    "usage: chatmux chat    [options] [prompt]   one chat completion, streamed to stdout\n"
    "       chatmux request [options] PATH       any other request, its answer to stdout\n"
    "       chatmux models  [options]            the models that a relay offers\n"
    "       chatmux limits  [options]            what is left of its rate limits\n"
    "       chatmux bench   [options]            many at a time, with a table of figures\n"
    "       chatmux --version | --build-info | --help\n"
    "\n"
    "The key comes from OPENAI_API_KEY, --key-file or --config, never from the arguments.\n"
    "'chatmux COMMAND --help' lists the options of a command.\n";

static const char last_text[] =
    "\n"
    "  --url URL\tbase URL (default: OPENAI_BASE_URL, else https://api.openai.com/v1)\n"
    "\thttp:// means HTTP/2 without TLS\n"
    "  --query TEXT\tappended to the path, such as api-version=2024-10-21\n"
    "  -H, --header 'NAME: VALUE'  sent with every request; up to 8 times\n"
    "  --cacert FILE\tCA certificates, PEM (default: SSL_CERT_FILE, else the system's)\n"
    "  --capath DIR\tdirectory of CA certificates, PEM\n"
    "  --address IP\tconnect there instead of resolving the host name\n"
    "  --proxy URL\task this proxy for a tunnel, http://host:port (default for https:\n"
    "\tHTTPS_PROXY; '' = none)\n"
    "  --proxy-key-file FILE\tfile with user:password for the proxy in its first line\n"
    "  --key-file FILE\tfile with the key in its first line (default: OPENAI_API_KEY)\n"
    "  --auth-header NAME\tsend the key under this name, such as api-key, and not as\n"
    "\tauthorization: Bearer\n"
    "  --no-key\tsend no key\n"
    "  --connect-timeout S\tseconds for resolving, connecting and TLS, each\n"
    "  --max-time S\tseconds for a whole request (default: no limit)\n"
    "  --retry N\tattempts beyond the first, 0 to 9 (default: 2); 0 = report every\n"
    "\tfailure at once\n"
    "  --config FILE\toptions, relays, targets and prices; see the manual page\n"
    "  -h, --help\tthis text\n"
    "\n"
    "exit status: 0 complete, 1 no answer, 2 usage, 3 partial answer, 4 error from the server\n";

static const char model_text[] =
    "  -m, --model NAME\tmodel (default: a target's of --config, else gpt-4.1)\n"
    "  --no-stream\task for one JSON answer instead of a stream\n"
    "  --max-tokens N\tat most N tokens in the answer\n"
    "  --tier low|medium|high   let such targets of --config choose relay and model\n"
    "  --price-file FILE\tdollars per million tokens, by model: what was spent is told\n";

static const char trace_text[] =
    "  --trace\tHTTP/2 frames and headers on stderr, without keys and bodies\n";

static const char chat_text[] =
    "usage: chatmux chat [options] [prompt]\n"
    "\n"
    "Sends the prompt (or standard input) and prints the answer as it comes, behind it a line\n"
    "'tool NAME ID ARGUMENTS' for each tool call.\n"
    "\n"
    "  -s, --system TEXT\tsystem message before the prompt\n"
    "  --temperature T\t0 to 2\n"
    "  --top-p P\t0 to 1\n"
    "  --max-completion-tokens N   as --max-tokens, for reasoning models\n"
    "  --stop TEXT\tends the answer; up to 16 times\n"
    "  --choices N\tso many answers at once, 1 to 8; needs --json\n"
    "  --tools FILE\tJSON array of tools\n"
    "  --tool-choice JSON\tor one of the words none, auto, required\n"
    "  --response-format JSON|FILE   object\n"
    "  --extra JSON\tobject whose members join the request\n"
    "  --no-obfuscation\task for no padding in the stream\n"
    "  --json\tone JSON object per event instead of text\n"
    "  -v, --verbose\tsay on stderr how it ended, also if well\n";

static const char request_text[] =
    "usage: chatmux request [options] PATH\n"
    "\n"
    "Sends a request for the base URL with PATH behind it, such as /models; prints the body of\n"
    "the answer, and its status on stderr. Redirects are told, never followed.\n"
    "\n"
    "  -X, --request METHOD\tGET, POST or DELETE (default: GET, with --data POST)\n"
    "  -d, --data FILE\tbody, - = standard input\n"
    "  --content-type TYPE\tof the body (default: application/json)\n";

static const char models_text[] =
    "usage: chatmux models [options]\n"
    "\n"
    "Asks for the base URL's /models and prints their ids, a line each.\n"
    "\n"
    "  --json\tthe answer as it is\n";

static const char limits_text[] =
    "usage: chatmux limits [options]\n"
    "\n"
    "Asks for the base URL's /rate_limits, which not every server has, and prints the answer;\n"
    "what its headers say is left goes to stderr.\n"
    "\n"
    "  --json\tthe same: the answer is printed as it is\n";

static const char bench_text[] =
    "usage: chatmux bench [options]\n"
    "\n"
    "Runs many chat completions and prints what they took.\n"
    "\n"
    "  -n, --requests N\tcompletions in all (default: 100)\n"
    "  -c, --concurrency N\tin flight at once (default: 10)\n"
    "  -p, --connections N\tconnections to spread them over, for each relay (default: 2)\n"
    "  --coalesce MS\tlook at busy sockets only so often: fewer wake-ups, later tokens\n"
    "  --metrics-file FILE\tfigures for Prometheus, written anew every second\n"
    "  --stamps\ttokens carry chatmux-relay's send stamps: measure the lag\n"
    "  --json\tone JSON object instead of a table\n";

/* A tab leads to the column of the explanations. */
static void print_aligned(cli_out *out, const char *text)
{
    size_t column = 0;
    for (; *text != '\0'; text++) {
        if (*text == '\t') {
            for (; column < EXPLANATION_COLUMN; column++) {
                cli_out_byte(out, ' ');
            }
            continue;
        }
        cli_out_byte(out, *text);
        column = *text == '\n' ? 0 : column + 1;
    }
}

void cli_help_main(cli_out *out)
{
    print_aligned(out, main_text);
}

void cli_help_command(enum cli_command command)
{
    static const char *const texts[][3] = {
        [CLI_COMMAND_CHAT] = {chat_text, model_text, trace_text},
        [CLI_COMMAND_BENCH] = {bench_text, "", model_text},
        [CLI_COMMAND_REQUEST] = {request_text, "", trace_text},
        [CLI_COMMAND_MODELS] = {models_text, "", trace_text},
        [CLI_COMMAND_LIMITS] = {limits_text, "", trace_text},
    };
    for (size_t i = 0; i < sizeof texts[0] / sizeof texts[0][0]; i++) {
        print_aligned(&cli_out_standard, texts[command][i]);
    }
    print_aligned(&cli_out_standard, last_text);
}
