/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The header in a C++ program, with every warning an error; see meson.build. */

#include <cstdio>
#include <ifroster.h>

int main() {
        ifroster *handle = nullptr;

        if (ifroster_handle_sigbus() < 0 || ifroster_new(nullptr, IFROSTER_EMBEDDED_ONLY, &handle) < 0)
                return 1;
        const bool good = ifroster_index(handle, "lo") == 1;
        ifroster_free(handle);
        std::printf("1..1\n%s 1 - C++ program\n", good ? "ok" : "not ok");
        return good ? 0 : 1;
}
