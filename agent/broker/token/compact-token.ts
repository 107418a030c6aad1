// SPDX-License-Identifier: Apache-2.0

/** Reading a token without believing it: its form, its header, its claims, its fingerprint. No keys, no clock. */

import { createHash } from 'node:crypto';
import { tokenAsIssued } from '../../protocol/bytes/token-spelling.ts';

/** Entra's largest tokens (many groups and roles) stay below 16 KiB; servers refuse headers above that anyway. */
export const TOKEN_CHARACTERS_MAX = 32 * 1024;

export type JsonObject = Readonly<Record<string, unknown>>;

export type TokenRead =
  | { readonly kind: 'jwt'; readonly header: JsonObject; readonly claims: JsonObject }
  /** Five segments: only the resource can read it. */
  | { readonly kind: 'encrypted' }
  /** Three segments that are not what a JWT's are. */
  | { readonly kind: 'malformed' }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'too-long' };

/**
 * SHA-256 of the compact token's bytes as it was issued, hexadecimal: the same value that clients send as
 * `token_sha256_to_refresh`, and the same for every spelling of the token. The signature in a token makes it unguessable,
 * so a plain digest gives nothing away.
 */
export function fingerprintOf(token: string): string {
  return createHash('sha256').update(tokenAsIssued(token)).digest('hex');
}

const SEGMENT = /^[A-Za-z0-9_-]*$/;

function jsonObject(segment: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Never throws; work is bounded by TOKEN_CHARACTERS_MAX. */
export function readToken(token: string): TokenRead {
  if (token.length > TOKEN_CHARACTERS_MAX) return { kind: 'too-long' };
  const segments = tokenAsIssued(token).split('.', 6);
  if (!segments.every((segment) => SEGMENT.test(segment))) return { kind: 'opaque' };
  const [first = '', second = ''] = segments;
  if (segments.length === 5)
    return jsonObject(first)?.['enc'] === undefined ? { kind: 'opaque' } : { kind: 'encrypted' };
  if (segments.length !== 3) return { kind: 'opaque' };
  const header = jsonObject(first);
  if (header === undefined) return { kind: 'opaque' };
  const claims = jsonObject(second);
  return claims === undefined ? { kind: 'malformed' } : { kind: 'jwt', header, claims };
}

/** A claim that is a text, or ''. */
export function textClaim(claims: JsonObject, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === 'string' ? value : '';
}

/** A claim that is a time in seconds, or undefined. Beyond the year 9999 it is no time. */
export function timeClaim(claims: JsonObject, name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === 'number' && value >= 0 && value < 253_402_300_800 ? value : undefined;
}

/** The client: `azp` in v2 tokens, `appid` in v1. */
export function clientOf(claims: JsonObject): string {
  return textClaim(claims, 'azp') || textClaim(claims, 'appid');
}

export function audiencesIn(claims: JsonObject): readonly string[] {
  const aud = Object.hasOwn(claims, 'aud') ? claims['aud'] : undefined;
  if (typeof aud === 'string') return [aud];
  return Array.isArray(aud) ? aud.filter((entry): entry is string => typeof entry === 'string') : [];
}
