/* SPDX-License-Identifier: MIT */
/*
 * Help texts. See help.h.
 */
#include "cli/help.h"

#include "chatmux/version.h"

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

static const char shared_text[] =
    "\n"
    "  --url URL             base URL (default: OPENAI_BASE_URL, else https://api.openai.com/v1)\n"
    "                        http:// means HTTP/2 without TLS\n"
    "  --query TEXT          appended to the path, such as api-version=2024-10-21\n"
    "  -H, --header 'NAME: VALUE'  sent with every request; up to 8 times\n"
    "  --cacert FILE         CA certificates, PEM (default: SSL_CERT_FILE, else the system's)\n"
    "  --capath DIR          directory of CA certificates, PEM\n"
    "  --address IP          connect there instead of resolving the host name\n"
    "  --proxy URL           ask this proxy for a tunnel, http://host:port (default for https:\n"
    "                        HTTPS_PROXY; '' = none)\n"
    "  --proxy-key-file FILE file with user:password for the proxy in its first line\n"
    "  --key-file FILE       file with the key in its first line (default: OPENAI_API_KEY)\n"
    "  --auth-header NAME    send the key under this name, such as api-key, and not as\n"
    "                        authorization: Bearer\n"
    "  --no-key              send no key\n"
    "  --connect-timeout S   seconds for resolving, connecting and TLS, each\n"
    "  --max-time S          seconds for a whole request (default: no limit)\n"
    "  --retry N             attempts beyond the first, 0 to 9 (default: 2); 0 = report every\n"
    "                        failure at once\n"
    "  --config FILE         options, relays, targets and prices; see the manual page\n"
    "  -h, --help            this text\n";

static const char model_text[] =
    "  -m, --model NAME      model (default: a target's of --config, else gpt-4.1)\n"
    "  --no-stream           ask for one JSON answer instead of a stream\n"
    "  --max-tokens N        at most N tokens in the answer\n"
    "  --tier low|medium|high   let such targets of --config choose relay and model\n"
    "  --price-file FILE     dollars per million tokens, by model: what was spent is told\n";

static const char trace_text[] =
    "  --trace               HTTP/2 frames and headers on stderr, without keys and bodies\n";

static const char chat_text[] =
    "usage: chatmux chat [options] [prompt]\n"
    "\n"
    "Sends the prompt (or standard input) and prints the answer as it comes, behind it a line\n"
    "'tool NAME ID ARGUMENTS' for each tool call.\n"
    "\n"
    "  -s, --system TEXT     system message before the prompt\n"
    "  --temperature T       0 to 2\n"
    "  --top-p P             0 to 1\n"
    "  --max-completion-tokens N   as --max-tokens, for reasoning models\n"
    "  --stop TEXT           ends the answer; up to 16 times\n"
    "  --choices N           so many answers at once, 1 to 8; needs --json\n"
    "  --tools FILE          JSON array of tools\n"
    "  --tool-choice JSON    or one of the words none, auto, required\n"
    "  --response-format JSON|FILE   object\n"
    "  --extra JSON          object whose members join the request\n"
    "  --no-obfuscation      ask for no padding in the stream\n"
    "  --json                one JSON object per event instead of text\n"
    "  -v, --verbose         say on stderr how it ended, also if well\n";

static const char request_text[] =
    "usage: chatmux request [options] PATH\n"
    "\n"
    "Sends a request for the base URL with PATH behind it, such as /models; prints the body of\n"
    "the answer, and its status on stderr. Redirects are told, never followed.\n"
    "\n"
    "  -X, --request METHOD  GET, POST or DELETE (default: GET, with --data POST)\n"
    "  -d, --data FILE       body, - = standard input\n"
    "  --content-type TYPE   of the body (default: application/json)\n";

static const char models_text[] =
    "usage: chatmux models [options]\n"
    "\n"
    "Asks for the base URL's /models and prints their ids, a line each.\n"
    "\n"
    "  --json                the answer as it is\n";

static const char limits_text[] =
    "usage: chatmux limits [options]\n"
    "\n"
    "Asks for the base URL's /rate_limits, which not every server has, and prints the answer;\n"
    "what its headers say is left goes to stderr.\n"
    "\n"
    "  --json                the same: the answer is printed as it is\n";

static const char bench_text[] =
    "usage: chatmux bench [options]\n"
    "\n"
    "Runs many chat completions and prints what they took.\n"
    "\n"
    "  -n, --requests N      completions in all (default: 100)\n"
    "  -c, --concurrency N   in flight at once (default: 10)\n"
    "  -p, --connections N   connections to spread them over, for each relay (default: 2)\n"
    "  --coalesce MS         look at busy sockets only so often: fewer wake-ups, later tokens\n"
    "  --metrics-file FILE   figures for Prometheus, written anew every second\n"
    "  --stamps              tokens carry chatmux-relay's send stamps: measure the lag\n"
    "  --json                one JSON object instead of a table\n";

static const char exit_text[] =
    "\n"
    "exit status: 0 complete, 1 no answer, 2 usage, 3 partial answer, 4 error from the server\n";

void cli_help_main(FILE *out)
{
    fputs(main_text, out);
}

void cli_help_command(FILE *out, enum cli_command command)
{
    switch (command) {
    case CLI_COMMAND_CHAT:
        fputs(chat_text, out);
        fputs(model_text, out);
        fputs(trace_text, out);
        break;
    case CLI_COMMAND_BENCH:
        fputs(bench_text, out);
        fputs(model_text, out);
        break;
    case CLI_COMMAND_REQUEST:
        fputs(request_text, out);
        fputs(trace_text, out);
        break;
    case CLI_COMMAND_MODELS:
        fputs(models_text, out);
        fputs(trace_text, out);
        break;
    case CLI_COMMAND_LIMITS:
        fputs(limits_text, out);
        fputs(trace_text, out);
        break;
    }
    fputs(shared_text, out);
    fputs(exit_text, out);
}
