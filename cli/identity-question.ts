// SPDX-License-Identifier: Apache-2.0

/** What the record holds of an identity, or of a human for whom identities acted: questions to the collector. */
import type { CollectorClient } from './collector-client.ts';
import { CliError, EXIT } from './exit.ts';
import type { ActivityRow } from './print/activity-line.ts';

export interface IdentityRow {
  readonly identity: string;
  readonly name: string;
  readonly kind: string;
  readonly tenant: string;
  readonly blueprint: string;
  readonly on_behalf_of_id: string;
  readonly on_behalf_of_name: string;
  readonly state: string;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly hosts: readonly string[];
  readonly workloads: readonly string[];
  readonly sessions: string;
  readonly commands: string;
  readonly tokens_issued: string;
  readonly tokens_refused: string;
  readonly tokens_observed: string;
  readonly tokens_suspicious: string;
  readonly alerts: string;
  readonly unproven: string;
}

export interface IdentityFilter {
  readonly identity?: string | undefined;
  readonly host?: string | undefined;
  readonly kind?: string | undefined;
  /** RFC 3339. */
  readonly since?: string | undefined;
}

const CONDITIONS: Readonly<Record<keyof IdentityFilter, string>> = {
  identity:
    '(identity = {identity:String} OR name = {identity:String} OR on_behalf_of_id = {identity:String} OR on_behalf_of_name = {identity:String})',
  host: 'has(hosts, {host:String})',
  kind: 'kind = {kind:String}',
  since: "last_seen >= {since:DateTime64(3, 'UTC')}",
};

/** Those seen last first. */
export function identityRows(client: CollectorClient, filter: IdentityFilter, limit: number): Promise<IdentityRow[]> {
  const conditions: string[] = [];
  const parameters: Record<string, string | number> = { limit };
  for (const [name, value] of Object.entries(filter) as [keyof IdentityFilter, string | undefined][]) {
    if (value === undefined) continue;
    conditions.push(CONDITIONS[name]);
    parameters[name] = name === 'since' ? withoutLetters(value) : value;
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')} `;
  return client.rows<IdentityRow>(
    `SELECT * FROM sworn.identities ${where}ORDER BY last_seen DESC, identity, on_behalf_of_id LIMIT {limit:UInt32}`,
    parameters,
  );
}

/** The rows of an identity that was named. Errors: CliError when it was never seen. */
export async function findIdentity(client: CollectorClient, given: string): Promise<IdentityRow[]> {
  const rows = await identityRows(client, { identity: given }, 1000);
  if (rows.length > 0) return rows;
  throw new CliError(
    `no identity '${given}' was seen`,
    'Write its name or its id. See: sworn identities',
    EXIT.unusable,
  );
}

const PAGE_ROWS = 1000;
const FULL_PAGE_ROWS = 50;
const PROVEN =
  "(identity_state IN ('verified', 'policy') OR (identity_state = 'unverifiable' AND identity_source = 'broker'))";

/** All that is proven to be of the identity, in the order of time, over all sessions and hosts; `full` with payloads. */
export async function* identityActivities(
  client: CollectorClient,
  identity: string,
  options: { readonly since?: string | undefined; readonly full: boolean },
): AsyncGenerator<ActivityRow> {
  const digests = 'salt_bytes, leaf_bytes, request_sha256_bytes, response_sha256_bytes';
  const left = options.full ? digests : `${digests}, request, response, claims`;
  const limit = options.full ? FULL_PAGE_ROWS : PAGE_ROWS;
  const since = withoutLetters(options.since ?? '1970-01-01T00:00:00Z');
  // Behind nothing: no agent is called ''.
  let after = { time: since, agent: '', seq: '0' };
  for (;;) {
    const rows = await client.rows<ActivityRow>(
      `SELECT * EXCEPT (${left}), leaf FROM sworn.activities
       WHERE (identity_id = {identity:String} OR identity_name = {identity:String}
              OR on_behalf_of_id = {identity:String} OR on_behalf_of_name = {identity:String}) AND ${PROVEN}
         AND (time, agent_id, seq) > (toDateTime64({time:String}, 9, 'UTC'), {agent:String}, {seq:UInt64})
         AND time >= toDateTime64({time:String}, 9, 'UTC')
       ORDER BY time, agent_id, seq LIMIT {limit:UInt32}`,
      { identity, limit, ...after },
    );
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return;
    after = { time: String(last['time']), agent: String(last['agent_id']), seq: String(last['seq']) };
  }
}

/** ClickHouse reads times without the letters of RFC 3339. */
function withoutLetters(time: string): string {
  return time.replace('T', ' ').replace('Z', '');
}
