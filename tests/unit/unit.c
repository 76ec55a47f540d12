/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs one suite. check reads from the environment how it reports; what fails is in its report, and the
 * exit status says only whether anything did.
 */

#include <stdlib.h>

#include "unit.h"

int unit_run(Suite *suite) {
        SRunner *runner = srunner_create(suite);
        int n_failed;

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
