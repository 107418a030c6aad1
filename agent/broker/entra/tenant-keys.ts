// SPDX-License-Identifier: Apache-2.0

/**
 * The tenants' signing keys, fetched when first needed and kept. jose's own remote set is not used: it keeps no last good
 * set, has no pause after a failed fetch, and reads the machine's clock.
 *
 * An unknown key id makes one fetch in five minutes, not one for each token: else whoever sends tokens with invented key
 * ids makes us call Entra at will.
 */

import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import type { Clock } from '../clock.ts';
import type { BrokerLog } from '../log.ts';
import { type KeyResolver, KeysUnavailable, type TenantKeys } from '../token/verify.ts';
import type { HttpsFetch } from './https-fetch.ts';

export interface TenantKeysOptions {
  readonly authority: string;
  /** Only these tenants' keys are ever fetched. */
  readonly tenants: readonly string[];
  readonly fetch: HttpsFetch;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly timeoutMs: number;
}

/** Between two fetches because of unknown key ids. */
const COOLDOWN_MS = 5 * 60 * 1000;
/** After this long a set is renewed before it is used again; without an answer the old one goes on. */
const KEPT_MS = 24 * 60 * 60 * 1000;
/** Between two tries while Entra does not answer. */
const PAUSE_AFTER_FAILURE_MS = 10 * 1000;
/** Entra publishes fewer than ten. */
const KEYS_MAX = 100;

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

class KeysOfTenant {
  #keys: LocalKeys | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;
  readonly #tenant: string;
  readonly #options: TenantKeysOptions;

  constructor(tenant: string, options: TenantKeysOptions) {
    this.#tenant = tenant;
    this.#options = options;
  }

  readonly resolver: KeyResolver = async (header, token) => {
    if (this.#keys === undefined || this.#age() > KEPT_MS) await this.#refresh();
    if (this.#keys === undefined) throw new KeysUnavailable('no keys of this tenant');
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.#age() < COOLDOWN_MS) throw error;
      await this.#refresh();
      return this.#keys(header, token);
    }
  };

  #age(): number {
    return this.#options.clock.monotonicMs() - this.#fetchedAtMs;
  }

  /** At most one at a time; returns quietly when there is nothing new. */
  async #refresh(): Promise<void> {
    if (this.#options.clock.monotonicMs() - this.#failedAtMs < PAUSE_AFTER_FAILURE_MS) return;
    this.#underWay ??= this.#fetch().finally(() => {
      this.#underWay = undefined;
    });
    await this.#underWay;
  }

  async #fetch(): Promise<void> {
    const { authority, fetch, clock, log, timeoutMs } = this.#options;
    try {
      const url = new URL(`${authority}/${this.#tenant}/discovery/v2.0/keys`);
      const answer = await fetch({ method: 'GET', url, timeoutMs });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      const set = JSON.parse(answer.body) as JSONWebKeySet;
      if (!Array.isArray(set.keys) || set.keys.length > KEYS_MAX) throw new Error('not a key set');
      this.#keys = createLocalJWKSet(set);
      this.#fetchedAtMs = clock.monotonicMs();
    } catch (error) {
      this.#failedAtMs = clock.monotonicMs();
      log.warn(
        {
          tenant: this.#tenant,
          cause: error instanceof Error ? error.message : 'unknown',
          haveOld: this.#keys !== undefined,
        },
        'the signing keys of a tenant could not be fetched',
      );
    }
  }
}

export function createTenantKeys(options: TenantKeysOptions): TenantKeys {
  const byTenant = new Map(
    options.tenants.map((tenant) => [tenant.toLowerCase(), new KeysOfTenant(tenant.toLowerCase(), options)]),
  );
  return { keysOf: (tenant) => byTenant.get(tenant.toLowerCase())?.resolver };
}
