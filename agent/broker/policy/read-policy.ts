// SPDX-License-Identifier: Apache-2.0

/** From what a configuration file holds to a `Policy`, or to the list of all that is wrong with it. */

import { Ajv } from 'ajv';
import { TOKEN_INTERFACES } from '../token-interface.ts';
import { IDENTITY_SCHEMA, identityProblems } from './identity.ts';
import { ADVERTISED_SECONDS_MIN, type Policy } from './policy.ts';
import { isGuid, isTokenExchange, normaliseResource } from './resource.ts';

const name = { type: 'string', minLength: 1, maxLength: 128 } as const;
const resource = { type: 'string', minLength: 1, maxLength: 512 } as const;

/** JSON Schema of `Policy`, for the configuration that embeds it. */
export const POLICY_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['identities', 'bindings'],
  properties: {
    identities: {
      type: 'array',
      items: IDENTITY_SCHEMA,
    },
    bindings: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['workload', 'identity', 'resources'],
        properties: {
          workload: name,
          identity: name,
          advertisedSecondsMax: { type: 'integer', minimum: ADVERTISED_SECONDS_MIN, maximum: 86_400 },
          interfaces: { type: 'array', items: { enum: TOKEN_INTERFACES } },
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
  | { readonly kind: 'policy'; readonly policy: Policy }
  /** One sentence a problem, each naming where it is. */
  | { readonly kind: 'broken'; readonly problems: readonly string[] };

const hasForm = new Ajv({ allErrors: true, allowUnionTypes: true, discriminator: true }).compile<Policy>(POLICY_SCHEMA);

function problemsOf(policy: Policy): string[] {
  const problems = identityProblems(policy.identities);
  const names = new Set(policy.identities.map((identity) => identity.name));
  for (const [index, binding] of policy.bindings.entries()) {
    const where = `binding ${index} (workload ${binding.workload})`;
    if (!names.has(binding.identity)) problems.push(`${where}: there is no identity ${binding.identity}`);
    for (const entry of binding.resources) {
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
 * Errors   never throws; all problems at once, so that an operator repairs a file in one go. Two bindings for one workload
 *          are no problem here: every request of that workload is refused then, and the record says why.
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
