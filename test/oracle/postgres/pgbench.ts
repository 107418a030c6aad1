// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../recording/recording.ts';

/** The program: as deploy/setup fetches it, or of an installed server; undefined when there is none. */
export const PGBENCH = [join(root, '.setup/pgbench'), '/usr/lib/postgresql/15/bin/pgbench'].find((path) =>
  existsSync(path),
);
