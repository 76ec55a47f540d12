/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Errors of questions as D-Bus errors: org.ifroster1.Error. and the one name that error.h has for
 * it. Running out of memory keeps the name that every D-Bus program knows.
 */

#include <stdio.h>

#include "bus-internal.h"
#include "error.h"

#define ERROR_PREFIX "org.ifroster1.Error."

int bus_error(sd_bus_error *reterr_error, int r, const Detail *detail) {
        char name[128];

        if (r == -ENOMEM)
                return sd_bus_error_set_const(reterr_error, SD_BUS_ERROR_NO_MEMORY,
                                              "Out of memory");
        (void) snprintf(name, sizeof(name), ERROR_PREFIX "%s", error_name(r));
        return sd_bus_error_set(reterr_error, name, detail->text);
}
