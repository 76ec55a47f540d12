/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names and texts of the errors of error.h. Nothing but this table: a new error is one row there.
 */

#include <errno.h>
#include <string.h>

#include "error.h"
#include "util.h"

static const struct {
        int number;
        const char *name;
        const char *text;
} errors[] = {
#define ERROR_ROW(id, number, name, text) { number, name, text },
        ERROR_TABLE(ERROR_ROW)
#undef ERROR_ROW
};

const char *error_name(int error) {
        int number = error < 0 ? -error : error;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].number == number)
                        return errors[i].name;
        return "KernelError";
}

const char *error_text(int error) {
        int number = error < 0 ? -error : error;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].number == number)
                        return errors[i].text;
        return "The kernel could not be asked";
}

int error_from_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (strcmp(errors[i].name, name) == 0)
                        return -errors[i].number;
        return -ENOENT;
}
