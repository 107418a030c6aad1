// SPDX-License-Identifier: Apache-2.0

/** From what a configuration file holds to a `PolicySet`, or to the list of all that is wrong with it. */

import { Ajv } from 'ajv';
import { TOKEN_INTERFACES } from '../token-interface.ts';
import { federationProblems } from './federation-grants.ts';
import { IDENTITY_SCHEMA, identityProblems } from './identity.ts';
import { ADVERTISED_SECONDS_MIN, type PolicySet } from './policy.ts';
import { isGuid, isTokenExchange, normaliseResource } from './resource.ts';

const name = { type: 'string', minLength: 1, maxLength: 128 } as const;
const path = { type: 'string', pattern: '^/', maxLength: 4096 } as const;
const sha256 = { type: 'string', pattern: '^[0-9a-fA-F]{64}$' } as const;
/** The last one stands for nobody. */
const id = { type: 'integer', minimum: 0, maximum: 4_294_967_294 } as const;
const resource = { type: 'string', minLength: 1, maxLength: 512 } as const;

/** JSON Schema of `PolicySet`, for the configuration that embeds it. */
export const POLICY_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['identities', 'policies'],
  properties: {
    identities: {
      type: 'array',
      items: IDENTITY_SCHEMA,
    },
    policies: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'match', 'identity', 'resources'],
        properties: {
          name,
          identity: name,
          match: {
            type: 'object',
            additionalProperties: false,
            minProperties: 1,
            properties: {
              workload: name,
              unit: name,
              cgroup: path,
              containerId: sha256,
              exe: path,
              exeSha256: sha256,
              uid: id,
              gid: id,
            },
          },
          advertisedSecondsMax: { type: 'integer', minimum: ADVERTISED_SECONDS_MIN, maximum: 86_400 },
          interfaces: { type: 'array', items: { enum: TOKEN_INTERFACES } },
          fileOwner: {
            type: 'object',
            additionalProperties: false,
            required: ['uid', 'gid'],
            properties: { uid: id, gid: id },
          },
          resources: {
            type: 'array',
            items: {
              anyOf: [
                resource,
                {
                  type: 'object',
                  additionalProperties: false,
                  required: ['resource'],
                  properties: { resource, audiences: { type: 'array', items: resource } },
                },
              ],
            },
          },
        },
      },
    },
  },
} as const;

export type PolicyRead =
  | { readonly kind: 'policy'; readonly policy: PolicySet }
  /** One sentence a problem, each naming where it is. */
  | { readonly kind: 'broken'; readonly problems: readonly string[] };

const hasForm = new Ajv({ allErrors: true, allowUnionTypes: true, discriminator: true }).compile<PolicySet>(
  POLICY_SCHEMA,
);

function problemsOf(set: PolicySet): string[] {
  const problems = [...identityProblems(set.identities), ...federationProblems(set)];
  const identities = new Set(set.identities.map((identity) => identity.name));
  const names = new Set<string>();
  for (const policy of set.policies) {
    const where = `policy ${policy.name}`;
    if (names.has(policy.name)) problems.push(`${where}: there are two of that name`);
    names.add(policy.name);
    if (!identities.has(policy.identity)) problems.push(`${where}: there is no identity ${policy.identity}`);
    for (const entry of policy.resources) {
      const text = typeof entry === 'string' ? entry : entry.resource;
      const normalised = normaliseResource(text);
      if (normalised === undefined) problems.push(`${where}: ${JSON.stringify(text)} is not the name of a resource`);
      else if (isTokenExchange(normalised)) problems.push(`${where}: tokens for exchange are never handed out`);
      else if (/\/\.default$/.test(normalised)) problems.push(`${where}: ${text} is a scope; leave out /.default`);
      else if (!isGuid(normalised) && !/^[a-z][a-z0-9+.-]*:/i.test(normalised)) {
        problems.push(`${where}: ${text} is neither a URI nor an application id`);
      }
    }
  }
  return problems;
}

/**
 * Check `value`, which a file holds, and give it back as a policy.
 *
 * Errors   never throws; all problems at once, so that an operator repairs a file in one go. Two policies that match the same
 *          callers are no problem here: every request of those is refused then, and the record says why.
 */
export function readPolicy(value: unknown): PolicyRead {
  if (!hasForm(value)) {
    const problems = (hasForm.errors ?? []).map(
      (error) =>
        `${error.instancePath === '' ? 'policy' : error.instancePath.slice(1).replaceAll('/', '.')} ${error.message}`,
    );
    return { kind: 'broken', problems };
  }
  const problems = problemsOf(value);
  return problems.length === 0 ? { kind: 'policy', policy: value } : { kind: 'broken', problems };
}
