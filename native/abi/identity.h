/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */

/* Made by generate.ts from event.h; do not edit. */
#ifndef SWORN_IDENTITY_H
#define SWORN_IDENTITY_H

#define SWORN_ABI_ID "264c53286f064cfa"

#endif
