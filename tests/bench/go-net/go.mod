// SPDX-License-Identifier: LGPL-2.1-or-later
module gonet

go 1.19
