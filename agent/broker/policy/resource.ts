// SPDX-License-Identifier: Apache-2.0

/** Names of resources (`https://graph.microsoft.com`, `api://…`, a GUID): their form, and the audiences that they stand for. */

import type { AllowedResource } from './policy.ts';

/** Longer than any identifier URI that Entra takes (255), shorter than anything that hurts. */
const RESOURCE_CHARACTERS_MAX = 512;

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isGuid(text: string): boolean {
  return GUID.test(text);
}

/**
 * The form in which resources are compared: without one trailing slash, since SDKs send both forms of the same name.
 *
 * Errors   undefined when it cannot be the name of a resource: empty, too long, or with anything but printable ASCII
 */
export function normaliseResource(text: string): string | undefined {
  if (text.length > RESOURCE_CHARACTERS_MAX || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  const name = text.endsWith('/') ? text.slice(0, -1) : text;
  return name === '' || name.endsWith(':/') ? undefined : name;
}

/** The application behind `api://AzureADTokenExchange`: with a token for it one can become somebody else. */
export const TOKEN_EXCHANGE_APP = 'fb60f99c-7a34-4190-8149-302f77469936';

/** True for every name of the token exchange, those of the national clouds included. */
export function isTokenExchange(resource: string): boolean {
  const name = resource.toLowerCase().replace(/^api:\/\//, '');
  return name.startsWith('azureadtokenexchange') || name.replace(/\/$/, '') === TOKEN_EXCHANGE_APP;
}

/**
 * Audiences of Microsoft's own services that may be written as the service's application id.
 * Source   Entra documentation of first-party applications; anything else is given in the configuration.
 */
const FIRST_PARTY_APPS: Readonly<Record<string, string>> = {
  'https://graph.microsoft.com': '00000003-0000-0000-c000-000000000000',
};

/** The audiences with which a token for `allowed` may come: its name in both forms, its application id, what was configured. */
export function audiencesOf(allowed: AllowedResource): ReadonlySet<string> {
  const name = normaliseResource(allowed.resource) ?? allowed.resource;
  const audiences = new Set([name, `${name}/`, ...(allowed.audiences ?? [])]);
  const app = /^api:\/\/([^/]+)$/i.exec(name)?.[1] ?? name;
  if (isGuid(app)) {
    audiences.add(app);
    audiences.add(`api://${app}`);
  }
  const firstParty = Object.hasOwn(FIRST_PARTY_APPS, name) ? FIRST_PARTY_APPS[name] : undefined;
  if (firstParty !== undefined) audiences.add(firstParty);
  return audiences;
}
