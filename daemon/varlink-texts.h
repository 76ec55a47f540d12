/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The interface texts that the build embeds, one for each .varlink file of this directory: the
 * file NAME.varlink is the string NAME_text with '_' for every dot.
 */

extern const char org_varlink_service_text[];
extern const char org_ifroster_text[];
