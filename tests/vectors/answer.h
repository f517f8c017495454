/* SPDX-License-Identifier: MIT */
/*
 * What servers really send as the answer to a chat, and what it means: deltas, verdict, message.
 */
#ifndef TESTS_VECTORS_ANSWER_H
#define TESTS_VECTORS_ANSWER_H

#include "chat/answer.h"
#include "text/utf8.h"

#define FFFD CMX_UTF8_REPLACEMENT
#define EVENT(json) "data: " json "\n\n"
#define CHOICE(members) EVENT("{\"id\":\"c1\",\"model\":\"m\",\"choices\":[{" members "}]}")
#define SAY(text) CHOICE("\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null")
#define STOP CHOICE("\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"")
#define END EVENT("[DONE]")

struct vector {
    const char *name;
    const char *bytes;
    const char *log; /* runs of text as "choice channel:text;", usage as "U prompt/completion;" */
    enum cmx_verdict verdict;
    int error;
    const char *message; /* NULL = "" */
    uint32_t status;     /* 0 = 200 */
    enum cmx_answer_content content;
    bool cut; /* the server did not end the stream in order */
};

static const struct vector vectors[] = {
    {"plain", SAY("Hel") SAY("lo") STOP END, "0c:Hello;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"role only first",
     CHOICE("\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
            "\"logprobs\":null,\"finish_reason\":null") SAY("x") STOP END,
     "0c:x;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"content null",
     CHOICE("\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}") STOP END, "",
     CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"usage at the end",
     SAY("x") STOP EVENT("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,"
                         "\"total_tokens\":12}}") END,
     "0c:x;U9/3;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"usage in every chunk, null between",
     EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_"
           "tokens\":9,\"completion_tokens\":1.0}}")
         EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}],\"usage\":null}")
             EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\"}}],\"usage\":{\"prompt_"
                   "tokens\":9,\"completion_tokens\":1}}")
                 EVENT("{\"usage\":{\"completion_tokens\":\"2\",\"prompt_tokens\":9},\"choices\":[{"
                       "\"finish_reason\":\"stop\",\"delta\":{\"content\":\"d\"}}]}") END,
     "0c:a;U9/1;0c:bcd;U9/2;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"two choices in one chunk, index behind delta",
     EVENT("{\"choices\":[{\"delta\":{\"content\":\"one\"},\"index\":1},{\"delta\":{\"content\":"
           "\"zero\"}}]}") EVENT("{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":"
                                 "\"stop\"},{\"index\":0,\"finish_reason\":\"length\"}]}") END,
     "1c:one;0c:zero;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"one of two choices unfinished",
     EVENT("{\"choices\":[{\"delta\":{\"content\":\"one\"},\"index\":1},{\"delta\":{\"content\":"
           "\"zero\"}}]}")
         EVENT("{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}"),
     "1c:one;0c:zero;", CMX_VERDICT_TRUNCATED, CMX_ERR_TRUNCATED, .status = 200},
    {"channels",
     CHOICE("\"delta\":{\"reasoning_content\":\"hm\"}")
         CHOICE("\"delta\":{\"reasoning\":\"m\",\"content\":\"a\",\"refusal\":\"no\"}") STOP END,
     "0r:hmm;0c:a;0f:no;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"reasoning under both names",
     CHOICE("\"delta\":{\"reasoning\":\"hm\",\"reasoning_content\":\"hm\"}") STOP END, "0r:hm;",
     CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"logprobs and unknown members are stepped over",
     EVENT("{\"x\":{\"choices\":[{\"delta\":{\"content\":\"no\"}}]},\"choices\":[{\"logprobs\":{"
           "\"content\":[{\"token\":\"Hi\",\"logprob\":-0.3,\"bytes\":[72,105],\"top_logprobs\":[]}"
           "]},\"delta\":{\"x\":[{\"content\":\"no\"}],\"content\":\"Hi\"},\"message\":null}],"
           "\"obfuscation\":\"aZ3kQ\"}") STOP END,
     "0c:Hi;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"content array",
     CHOICE("\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}") STOP END, "0c:Hi;",
     CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"empty finish_reason is none",
     CHOICE("\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"") END, "0c:a;",
     CMX_VERDICT_TRUNCATED, CMX_ERR_TRUNCATED, .status = 200},
    {"content behind finish_reason", SAY("a") STOP SAY("b") END, "0c:ab;", CMX_VERDICT_DONE, CMX_OK,
     .status = 200},
    {"escapes and characters",
     SAY("\\\"a\\n\\u00e9\\ud83d\\ude00 caf\xc3\xa9 \xf0\x9f\x98\x80") STOP END,
     "0c:\"a\n\xc3\xa9\xf0\x9f\x98\x80 caf\xc3\xa9 \xf0\x9f\x98\x80;", CMX_VERDICT_DONE, CMX_OK,
     .status = 200},
    {"surrogates split over deltas",
     SAY("x\\ud83d") SAY("") SAY("\\ude00y") SAY("\\ud83d") SAY("z") SAY("\\ud83d") STOP END,
     "0c:x\xf0\x9f\x98\x80y" FFFD "z" FFFD ";", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"surrogates wait per choice and channel",
     CHOICE("\"index\":1,\"delta\":{\"content\":\"\\ud83d\",\"refusal\":\"\\ud83e\"}")
         CHOICE("\"index\":2,\"delta\":{\"content\":\"\\ude00\"}")
             CHOICE("\"index\":1,\"delta\":{\"refusal\":\"\\udd14\",\"content\":\"\\ude00\"}")
                 CHOICE("\"index\":9,\"delta\":{\"content\":\"\\ud83d\"}") STOP END,
     "2c:" FFFD ";1f:\xf0\x9f\xa4\x94;1c:\xf0\x9f\x98\x80;9c:" FFFD ";", CMX_VERDICT_TRUNCATED,
     CMX_ERR_TRUNCATED, .status = 200},
    {"invalid UTF-8 is replaced",
     SAY("a\xff"
         "b\xe2\x82") STOP END,
     "0c:a" FFFD "b" FFFD ";", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"escaped names",
     EVENT("{\"\\u0063hoices\":[{\"delt\\u0061\":{\"c\\u006fntent\":\"a\"}}]}") STOP END, "0c:a;",
     CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"no sentinel", SAY("a") STOP, "0c:a;", CMX_VERDICT_DONE_NO_SENTINEL, CMX_OK, .status = 200},
    {"no sentinel, cut", SAY("a") STOP, "0c:a;", CMX_VERDICT_DONE_NO_SENTINEL, CMX_OK,
     .status = 200, .cut = true},
    {"pending sentinel", SAY("a") STOP "data: [DONE]\n", "0c:a;", CMX_VERDICT_DONE, CMX_OK,
     .status = 200},
    {"pending sentinel without line end", SAY("a") STOP "data: [DONE]", "0c:a;", CMX_VERDICT_DONE,
     CMX_OK, .status = 200},
    {"sentinel with spaces", SAY("a") STOP "data: [DONE]  \n\n", "0c:a;", CMX_VERDICT_DONE, CMX_OK,
     .status = 200},
    {"behind the sentinel nothing matters",
     SAY("a") STOP END SAY("b") "data: {\n\n" EVENT("{\"error\":\"x\"}"), "0c:a;", CMX_VERDICT_DONE,
     CMX_OK, .status = 200},
    {"content without finish_reason is not whole", SAY("a") END, "0c:a;", CMX_VERDICT_TRUNCATED,
     CMX_ERR_TRUNCATED, .status = 200},
    {"cut inside an event", SAY("a") "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n",
     "0c:a;", CMX_VERDICT_TRUNCATED, CMX_ERR_TRUNCATED, .status = 200},
    {"sentinel alone", END, "", CMX_VERDICT_EMPTY, CMX_ERR_EMPTY, .status = 200},
    {"heartbeats alone", ": OPENROUTER PROCESSING\n\n:\n\nevent: ping\ndata: {}\n\ndata: \n\n", "",
     CMX_VERDICT_EMPTY, CMX_ERR_EMPTY, .status = 200},
    {"nothing", "", "", CMX_VERDICT_EMPTY, CMX_ERR_EMPTY, .status = 200},
    {"nothing, cut", "", "", CMX_VERDICT_NETWORK, CMX_ERR_TRUNCATED, .status = 200, .cut = true},
    {"Azure first chunk",
     EVENT("{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_"
           "filter_results\":[{\"prompt_index\":0}]}") SAY("a")
         CHOICE(
             "\"index\":0,\"finish_reason\":null,\"content_filter_offsets\":{\"check_offset\":44}")
             STOP END,
     "0c:a;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"BOM, CRLF, comments, other fields",
     "\xef\xbb\xbf"
     ": hi\r\n\r\nevent: message\r\nid: 7\r\nretry: 1\r\n"
     "data: {\"choices\":[{\"delta\":\r\ndata: {\"content\":\"a\"}}]}\r\n\r\n" STOP
     "data:[DONE]\r\n\r\n",
     "0c:a;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"lone CR",
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\r\rdata: "
     "[DONE]\r\r",
     "0c:a;", CMX_VERDICT_DONE, CMX_OK, .status = 200},

    {"in-band error beats choices",
     SAY("a") EVENT("{\"id\":\"x\",\"error\":{\"code\":\"server_error\",\"message\":\"Provider "
                    "disconnected\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"no\"},"
                    "\"finish_reason\":\"error\"}]}") END,
     "0c:a;", CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "Provider disconnected", .status = 200},
    {"in-band error without choices",
     EVENT("{\"error\": {\"message\": \"The server had an\\n error\\u0000\", \"type\": "
           "\"server_error\"}}"),
     "", CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "The server had an error", .status = 200},
    {"error as a string", EVENT("{\"error\":\"mock failure\"}"), "", CMX_VERDICT_ERROR_INBAND,
     CMX_ERR_INBAND, "mock failure", .status = 200},
    {"error that is nothing",
     EVENT("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}") EVENT("{\"error\":{}}")
         EVENT("{\"error\":\"\"}") EVENT("{\"error\":false}") STOP END,
     "0c:a;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"error object of old vLLM",
     EVENT("{\"object\":\"error\",\"message\":\"bad\",\"type\":\"BadRequestError\",\"code\":400}")
         END,
     "", CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "bad", .status = 200},
    {"error by its type", EVENT("{\"type\":\"error\",\"message\":\"typed\",\"object\":\"x\"}"), "",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "typed", .status = 200},
    {"error field of old llama.cpp", "error: {\"code\":500,\"message\":\"oops\"}\n\n", "",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "oops", .status = 200},
    {"error event", "event: error\ndata: {\"detail\":\"why\"}\n\n", "", CMX_VERDICT_ERROR_INBAND,
     CMX_ERR_INBAND, "why", .status = 200},
    {"error event that is no JSON", "event: error\ndata: upstream timeout\n\n", "",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "upstream timeout", .status = 200},
    {"error inside an unfinished event",
     SAY("a") "data: {\"id\":\"x\",\"choi\ndata: "
              "{\"type\":\"error\",\"error\":{\"message\":\"late\"}}\n\n",
     "0c:a;", CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "late", .status = 200},
    {"pending error", SAY("a") "data: {\"error\":{\"message\":\"last words\"}}", "0c:a;",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "last words", .status = 200},
    {"error without a message", EVENT("{\"error\":{\"type\":\"x\"}}"), "", CMX_VERDICT_ERROR_INBAND,
     CMX_ERR_INBAND, "{\"type\":\"x\"}", .status = 200},

    {"malformed among good ones",
     SAY("a") EVENT("{\"choices\":[{\"delta\":{\"content\":\"lost\"}}]") SAY("b") EVENT("nonsense")
         STOP END,
     "0c:ab;", CMX_VERDICT_DONE, CMX_OK, .status = 200},
    {"malformed beyond the budget, with text",
     SAY("a") EVENT("x") EVENT("[1]") EVENT("{a}") EVENT("{} {}") SAY("b") STOP END, "0c:a;",
     CMX_VERDICT_TRUNCATED, CMX_ERR_MALFORMED, .status = 200},
    {"malformed beyond the budget, without text", EVENT("x") EVENT("x") EVENT("x") EVENT("x"), "",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_MALFORMED, .status = 200},

    {"JSON answer",
     " \r\n{\"id\":\"c1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,"
     "\"message\":{\"role\":\"assistant\",\"content\":\"Hi "
     "\\u00e9\",\"refusal\":null},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
     "\"completion_tokens\":2}}\n",
     "0c:Hi \xc3\xa9;U1/2;", CMX_VERDICT_DONE, CMX_OK, .status = 200, .content = CMX_ANSWER_JSON},
    {"JSON answer that is called a stream",
     "{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}", "0c:Hi;",
     CMX_VERDICT_DONE, CMX_OK, .status = 200, .content = CMX_ANSWER_EVENT_STREAM},
    {"stream that is called JSON", SAY("Hi") STOP END, "0c:Hi;", CMX_VERDICT_DONE, CMX_OK,
     .status = 200, .content = CMX_ANSWER_JSON},
    {"stream without a content-type", ": hi\n\n" SAY("Hi") STOP END, "0c:Hi;", CMX_VERDICT_DONE,
     CMX_OK, .status = 200, .content = CMX_ANSWER_OTHER},
    {"JSON error with status 200", "{\"error\":{\"message\":\"slow down\",\"code\":429}}", "",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND, "slow down", .status = 200,
     .content = CMX_ANSWER_JSON},
    {"JSON answer that ends early", "{\"choices\":[{\"message\":{\"content\":\"Hi", "",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_MALFORMED, "{\"choices\":[{\"message\":{\"content\":\"Hi",
     .status = 200, .content = CMX_ANSWER_JSON},
    {"JSON answer that was cut", "{\"choices\":[{\"message\":{\"content\":\"Hi", "",
     CMX_VERDICT_NETWORK, CMX_ERR_TRUNCATED, "{\"choices\":[{\"message\":{\"content\":\"Hi",
     .status = 200, .content = CMX_ANSWER_JSON, .cut = true},
    {"JSON without choices", "{}", "", CMX_VERDICT_EMPTY, CMX_ERR_EMPTY, .status = 200,
     .content = CMX_ANSWER_JSON},
    {"BOM alone is no JSON", "\xef\xbb\xbf", "", CMX_VERDICT_ERROR_INBAND, CMX_ERR_MALFORMED,
     .status = 200, .content = CMX_ANSWER_JSON},
    {"page with status 200", "<html>\r\n<title>Sign in</title>", "", CMX_VERDICT_ERROR_INBAND,
     CMX_ERR_MALFORMED, "<html> <title>Sign in</title>", .status = 200,
     .content = CMX_ANSWER_OTHER},
    {"page called a stream", "<html>\r\n<title>Sign in</title>", "", CMX_VERDICT_EMPTY,
     CMX_ERR_EMPTY, .status = 200, .content = CMX_ANSWER_EVENT_STREAM},

    {"401", "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}", "",
     CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS, "Incorrect API key", .status = 401,
     .content = CMX_ANSWER_JSON},
    {"502 page", "<html>\r\n<head><title>502 Bad Gateway</title></head>\xff\x1b[31m", "",
     CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS,
     "<html> <head><title>502 Bad Gateway</title></head>" FFFD " [31m", .status = 502,
     .content = CMX_ANSWER_OTHER},
    {"400 with a message at the top", "{\"message\":\"no such model\"}", "", CMX_VERDICT_ERROR_HTTP,
     CMX_ERR_HTTP_STATUS, "no such model", .status = 400, .content = CMX_ANSWER_JSON},
    {"400 as a string", "\"just \\u0041 string\"", "", CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS,
     "just A string", .status = 400, .content = CMX_ANSWER_JSON},
    {"400 with a quote that is no string", "\"", "", CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS,
     "\"", .status = 400, .content = CMX_ANSWER_JSON},
    {"503 without a body", "", "", CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS, .status = 503},
    {"error body with a broken end", "{\"error\":{\"message\":\"x\\", "", CMX_VERDICT_ERROR_HTTP,
     CMX_ERR_HTTP_STATUS, "{\"error\":{\"message\":\"x\\", .status = 500, .cut = true},
};

#endif
