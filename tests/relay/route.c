/* SPDX-License-Identifier: MIT */
/*
 * The endpoints and their errors, in OpenAI's words and JSON.
 * In: a whole request. Out: a relay_reply. Must not send it.
 */
#include "route.h"

#include "bill.h"
#include "body.h"
#include "trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_BODY_MAX 1024

static const char json_type[] = "application/json";
static const char event_type[] = "text/event-stream; charset=utf-8";

static const char models_json[] =
    "{\n  \"object\": \"list\",\n  \"data\": [\n"
    "    {\"id\": \"gpt-4.1\", \"object\": \"model\", \"created\": 1744316542, "
    "\"owned_by\": \"system\"},\n"
    "    {\"id\": \"gpt-4.1-mini\", \"object\": \"model\", \"created\": 1744318173, "
    "\"owned_by\": \"system\"},\n"
    "    {\"id\": \"gpt-4.1-nano\", \"object\": \"model\", \"created\": 1744321707, "
    "\"owned_by\": \"system\"}\n  ]\n}\n";

static const char limits_json[] =
    "{\n  \"object\": \"list\",\n  \"data\": [\n"
    "    {\"object\": \"rate_limit\", \"model\": \"gpt-4.1\", "
    "\"max_requests_per_1_minute\": 10000, \"max_tokens_per_1_minute\": 30000000},\n"
    "    {\"object\": \"rate_limit\", \"model\": \"gpt-4.1-mini\", "
    "\"max_requests_per_1_minute\": 30000, \"max_tokens_per_1_minute\": 150000000},\n"
    "    {\"object\": \"rate_limit\", \"model\": \"gpt-4.1-nano\", "
    "\"max_requests_per_1_minute\": 30000, \"max_tokens_per_1_minute\": 150000000}\n  ]\n}\n";

static const char proxy_html[] =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n"
    "</body>\r\n</html>\r\n";

static bool set_body(relay_reply *reply, int status, const char *content_type, const char *text)
{
    reply->status = status;
    reply->content_type = content_type;
    reply->body_len = strlen(text);
    reply->body = malloc(reply->body_len + 1);
    if (reply->body == NULL) {
        return false;
    }
    memcpy(reply->body, text, reply->body_len + 1);
    return true;
}

/* `code` is JSON: null or a quoted string */
static bool set_error(relay_reply *reply, int status, const char *message, const char *type,
                      const char *code)
{
    char text[ERROR_BODY_MAX];

    (void)snprintf(text, sizeof text,
                   "{\n    \"error\": {\n        \"message\": \"%s\",\n        \"type\": \"%s\",\n"
                   "        \"param\": null,\n        \"code\": %s\n    }\n}\n",
                   message, type, code);
    return set_body(reply, status, json_type, text);
}

static bool set_invalid(relay_reply *reply, int status, const char *message)
{
    return set_error(reply, status, message, "invalid_request_error", "null");
}

static bool set_unknown_path(relay_reply *reply, const relay_request *request)
{
    char message[RELAY_METHOD_MAX + RELAY_PATH_MAX + 32];

    (void)snprintf(message, sizeof message, "Invalid URL (%s %s)", request->method, request->path);
    for (char *c = message; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') {
            *c = '?';
        }
    }
    return set_error(reply, 404, message, "invalid_request_error", "\"unknown_url\"");
}

static bool set_fault(relay_reply *reply, const relay_fault *fault)
{
    reply->retry_after = fault->retry_after;
    if (fault->html) {
        return set_body(reply, fault->status, "text/html", proxy_html);
    }
    return set_error(reply, fault->status, fault->message, fault->error_type, fault->error_code);
}

/* A plain answer can only be cut as bytes; an error in it takes the place of the whole object. */
static bool set_plain(relay_reply *reply, relay_answer *answer, const relay_chat *chat)
{
    const relay_fault *fault = reply->fault;

    if (fault != NULL && fault->cut == RELAY_CUT_ERROR_EVENT) {
        return set_error(reply, 200, fault->message, fault->error_type, fault->error_code);
    }
    reply->status = 200;
    reply->content_type = json_type;
    reply->body = relay_answer_plain(answer, chat, &reply->body_len);
    if (fault != NULL && fault->cut != RELAY_CUT_NONE) {
        reply->body_len /= 2;
    }
    return reply->body != NULL;
}

static bool route_chat(relay_env *env, const relay_request *request, relay_reply *reply,
                       relay_answer *answer)
{
    relay_chat chat;
    const char *problem = relay_chat_parse(&chat, request->body, request->body_len);
    const char *wanted = env->options.require_body;
    const relay_fault *fault;

    if (wanted != NULL &&
        memmem(request->body, request->body_len, wanted, strlen(wanted)) == NULL) {
        return set_invalid(reply, 400, "A required part of the body is missing.");
    }
    if (problem != NULL) {
        return set_invalid(reply, 400, problem);
    }
    relay_bill_chat(env, &chat, request->body_len);
    fault = relay_trouble_choose(env, chat.model.data, chat.model.len);
    reply->chat = true;
    reply->limits = true;
    if (env->options.body_file != NULL) {
        return relay_body_reply(env, reply);
    }
    reply->fault = fault;
    if (fault != NULL && fault->no_head) {
        reply->no_head = true;
        return true;
    }
    if (fault != NULL && fault->status != 0) {
        return set_fault(reply, fault);
    }
    relay_answer_init(answer, env, &chat, fault);
    if (!chat.stream) {
        return set_plain(reply, answer, &chat);
    }
    reply->status = 200;
    reply->content_type = event_type;
    reply->streamed = true;
    return true;
}

static bool is_path(const relay_request *request, const char *path)
{
    return strncmp(request->path, path, strlen(path)) == 0 &&
           (request->path[strlen(path)] == '\0' || request->path[strlen(path)] == '?');
}

static bool has_query(const relay_request *request, const char *query)
{
    const char *mark = strchr(request->path, '?');

    return mark != NULL && strcmp(mark + 1, query) == 0;
}

/* A relay that moved has moved with all of its endpoints. */
static const relay_fault *find_redirect(const relay_env *env)
{
    const char *name = env->options.fault;
    const relay_fault *fault = name == NULL ? NULL : relay_fault_find(name, strlen(name));

    return fault != NULL && fault->redirect ? fault : NULL;
}

bool relay_route(relay_env *env, const relay_request *request, relay_reply *reply,
                 relay_answer *answer)
{
    const bool chat = is_path(request, "/v1/chat/completions");
    const bool models = is_path(request, "/v1/models");
    const char *allowed = chat ? "POST" : "GET";

    memset(reply, 0, sizeof *reply);
    if (!chat && !models && !is_path(request, "/v1/rate_limits")) {
        return set_unknown_path(reply, request);
    }
    if (strcmp(request->method, allowed) != 0) {
        reply->allow = allowed;
        return set_invalid(reply, 405,
                           chat ? "Only POST requests are accepted."
                                : "Only GET requests are accepted.");
    }
    if (!request->authorized) {
        return set_error(reply, 401, "Incorrect API key provided.", "invalid_request_error",
                         "\"invalid_api_key\"");
    }
    if (!request->header_found) {
        return set_invalid(reply, 400, "A required header is missing.");
    }
    if (env->options.require_query != NULL && !has_query(request, env->options.require_query)) {
        return set_invalid(reply, 400, "A required query is missing.");
    }
    reply->fault = find_redirect(env);
    if (reply->fault != NULL) {
        return set_fault(reply, reply->fault);
    }
    if (request->body_too_large) {
        return set_invalid(reply, 413, "The request body is too large.");
    }
    if (chat) {
        return route_chat(env, request, reply, answer);
    }
    reply->limits = !models;
    return set_body(reply, 200, json_type, models ? models_json : limits_json);
}
