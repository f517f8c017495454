/* SPDX-License-Identifier: MIT */
/* JSON tokens through jsmn, which nobody else sees. */
#include "text/json.h"
#define JSMN_STATIC
#include <jsmn.h>

unsigned cmx_json_count(const char *text)
{
    unsigned count = 0;
    for (const char *at = text; *at != 0; at++) {
        switch (*at) {
        case '{':
            while (*at != '}' && at[1] != 0) {
                at++;
            }
            break;
        case '"': {
            count += *at == '\\' ? 1u : 2u;
            break;
        }
        }
    }
    return count + jsmn_zero();
}
