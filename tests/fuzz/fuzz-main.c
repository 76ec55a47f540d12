/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a fuzz target over every file of the directories named as arguments, where libFuzzer is not
 * there to do it. Each input lies in a heap block of exactly its size, so that a sanitizer sees a
 * read beyond the end. No input at all is a failure: an empty corpus would prove nothing.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* libFuzzer's own default for the longest input */
#define INPUT_SIZE_MAX (1024U * 1024U)

static int run_file(const char *path) {
        static uint8_t buffer[INPUT_SIZE_MAX];
        uint8_t *exact;
        size_t size;
        FILE *f;

        f = fopen(path, "re");
        if (!f) {
                perror(path);
                return -1;
        }
        size = fread(buffer, 1, sizeof(buffer), f);
        (void) fclose(f);

        exact = malloc(size > 0 ? size : 1);
        if (!exact)
                return -1;
        memcpy(exact, buffer, size);
        (void) LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        return 0;
}

static int run_directory(const char *directory) {
        struct dirent **entries;
        int n, n_run = 0;

        n = scandir(directory, &entries, NULL, alphasort);
        if (n < 0) {
                perror(directory);
                return -1;
        }
        for (int i = 0; i < n; i++) {
                char path[4096];

                if (entries[i]->d_name[0] != '.' && n_run >= 0) {
                        (void) snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
                        n_run = run_file(path) < 0 ? -1 : n_run + 1;
                }
                free(entries[i]);
        }
        free(entries);
        return n_run;
}

int main(int argc, char *argv[]) {
        int n_total = 0;

        for (int i = 1; i < argc; i++) {
                int n = run_directory(argv[i]);

                if (n < 0)
                        return EXIT_FAILURE;
                n_total += n;
        }
        printf("%d inputs\n", n_total);
        return n_total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
