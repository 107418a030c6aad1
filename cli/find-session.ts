// SPDX-License-Identifier: Apache-2.0

/** A session by what a person writes for it. */
import type { CollectorClient } from './collector-client.ts';
import { CliError, EXIT } from './exit.ts';

const CANDIDATES_MAX = 10;

/** The id of the session that begins with `given`, or of the last one. Errors: CliError when none does, or several. */
export async function findSession(client: CollectorClient, given: string): Promise<string> {
  if (given === 'last') {
    const last = 'SELECT session_id FROM sworn.sessions ORDER BY start DESC, session_id DESC LIMIT 1';
    const [found] = await client.rows<{ session_id: string }>(last);
    if (found !== undefined) return found.session_id;
    throw new CliError('there is no session yet', 'Start one: sworn run --identity NAME -- COMMAND');
  }
  const found = await client.rows<{ session_id: string }>(
    `SELECT DISTINCT session_id FROM sworn.activities WHERE session_id != '' AND startsWith(session_id, {given:String})
     ORDER BY session_id LIMIT ${CANDIDATES_MAX}`,
    { given },
  );
  const ids = found.map(({ session_id }) => session_id);
  const [only, ...others] = ids;
  if (only === undefined) throw new CliError(`no session begins with '${given}'`, 'See: sworn sessions', EXIT.unusable);
  if (others.length === 0 || only === given) return only;
  const more = ids.length === CANDIDATES_MAX ? ', …' : '';
  throw new CliError(
    `several sessions begin with '${given}': ${ids.join(', ')}${more}`,
    'Give more of the id.',
    EXIT.unusable,
  );
}
