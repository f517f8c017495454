/* SPDX-License-Identifier: MIT */
/* The program: public headers and libc. */
#include "chatmux/client.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    printf("%s\n", getenv("NAME"));
    return EXIT_SUCCESS;
}
