/* SPDX-License-Identifier: MIT */
/*
 * In the profile `size`, in place of nghttp2's sfparse.c: the parser of structured fields (RFC
 * 8941), 4 KB. nghttp2 reads one such field, `priority`, from requests and PRIORITY_UPDATE frames,
 * which servers receive and clients do not. What would come here all the same is refused as
 * malformed.
 */
#include "sfparse.h"

void sfparse_parser_init(sfparse_parser *sfp, const uint8_t *data, size_t datalen)
{
    (void)sfp;
    (void)data;
    (void)datalen;
}

int sfparse_parser_dict(sfparse_parser *sfp, sfparse_vec *dest_key, sfparse_value *dest_value)
{
    (void)sfp;
    (void)dest_key;
    (void)dest_value;
    return SFPARSE_ERR_PARSE;
}
