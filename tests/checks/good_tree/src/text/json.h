/* SPDX-License-Identifier: MIT */
/* JSON tokens. */
#ifndef CMX_JSON_H
#define CMX_JSON_H

unsigned cmx_json_count(const char *text);

#endif
