// SPDX-License-Identifier: Apache-2.0

/**
 * The certificates with which a tenant signs assertions, from its federation metadata: fetched when first needed, kept, and
 * fetched again for a certificate that is not known, but not more than once in five minutes. The rules are those of the
 * signing keys (entra/tenant-keys.ts), for the same reason: what is seen on the wire must not make us call at will.
 */

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { HttpsFetch } from '../entra/https-fetch.ts';
import type { BrokerLog } from '../log.ts';
import { allIn, childrenOf, readXml, textOf } from './xml.ts';

export interface PinnedCertificate {
  /** DER in base64, as it stands in the metadata without white space. */
  readonly base64: string;
  readonly pem: string;
}

export interface TenantCertificates {
  /**
   * undefined for a tenant that is not ours: nothing is fetched for it. Else those that are known, or undefined while there
   * are none; `isUnknown` says that those at hand were not enough. Never rejects.
   */
  of(tenant: string): ((isUnknown: boolean) => Promise<readonly PinnedCertificate[] | undefined>) | undefined;
}

export interface TenantCertificatesOptions {
  readonly authority: string;
  /** Only these tenants' metadata is ever fetched. */
  readonly tenants: readonly string[];
  readonly fetch: HttpsFetch;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly timeoutMs: number;
  /** As it stands in the metadata's entityID. */
  readonly issuerOf: (tenant: string) => string;
}

const COOLDOWN_MS = 5 * 60 * 1000;
const KEPT_MS = 24 * 60 * 60 * 1000;
const PAUSE_AFTER_FAILURE_MS = 10 * 1000;
/** Entra publishes fewer than ten. */
const CERTIFICATES_MAX = 50;
const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

/**
 * Signing certificates of the metadata's identity provider.
 *
 * Errors   throws for what is no metadata of `issuer`, or has none; the text holds nothing of the document
 */
export function certificatesIn(metadata: string, issuer: string): readonly PinnedCertificate[] {
  const root = readXml(metadata);
  if (root?.namespaceURI !== METADATA || root.localName !== 'EntityDescriptor') throw new Error('it is no metadata');
  if (root.getAttribute('entityID') !== issuer) throw new Error('it is of another issuer');
  const found = new Map<string, PinnedCertificate>();
  for (const provider of childrenOf(root, METADATA, 'IDPSSODescriptor')) {
    for (const key of childrenOf(provider, METADATA, 'KeyDescriptor')) {
      if (key.getAttribute('use') !== 'signing') continue;
      for (const element of allIn(key)) {
        if (element.namespaceURI !== DSIG || element.localName !== 'X509Certificate') continue;
        const base64 = textOf(element).replace(/\s/g, '');
        const certificate = new X509Certificate(Buffer.from(base64, 'base64'));
        if (certificate.publicKey.asymmetricKeyType !== 'rsa') continue;
        found.set(base64, { base64, pem: certificate.toString() });
      }
    }
  }
  if (found.size === 0 || found.size > CERTIFICATES_MAX) throw new Error(`it has ${found.size} certificates`);
  return [...found.values()];
}

class CertificatesOfTenant {
  #certificates: readonly PinnedCertificate[] | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;
  readonly #tenant: string;
  readonly #options: TenantCertificatesOptions;

  constructor(tenant: string, options: TenantCertificatesOptions) {
    this.#tenant = tenant;
    this.#options = options;
  }

  readonly get = async (isUnknown: boolean): Promise<readonly PinnedCertificate[] | undefined> => {
    const ageMs = this.#options.clock.monotonicMs() - this.#fetchedAtMs;
    if (ageMs > KEPT_MS || (isUnknown && ageMs >= COOLDOWN_MS)) await this.#refresh();
    return this.#certificates;
  };

  /** At most one at a time; returns quietly when there is nothing new. */
  async #refresh(): Promise<void> {
    if (this.#options.clock.monotonicMs() - this.#failedAtMs < PAUSE_AFTER_FAILURE_MS) return;
    this.#underWay ??= this.#fetch().finally(() => {
      this.#underWay = undefined;
    });
    await this.#underWay;
  }

  async #fetch(): Promise<void> {
    const { authority, fetch, clock, log, timeoutMs, issuerOf } = this.#options;
    try {
      const url = new URL(`${authority}/${this.#tenant}/federationmetadata/2007-06/federationmetadata.xml`);
      const answer = await fetch({ method: 'GET', url, timeoutMs, headers: { accept: 'application/xml' } });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      this.#certificates = certificatesIn(answer.body, issuerOf(this.#tenant));
      this.#fetchedAtMs = clock.monotonicMs();
    } catch (error) {
      this.#failedAtMs = clock.monotonicMs();
      const cause = error instanceof Error ? error.message : 'unknown';
      const about = { tenant: this.#tenant, cause, haveOld: this.#certificates !== undefined };
      log.warn(about, 'the SAML signing certificates of a tenant could not be fetched');
    }
  }
}

export function createTenantCertificates(options: TenantCertificatesOptions): TenantCertificates {
  const byTenant = new Map(
    options.tenants.map((tenant) => [tenant.toLowerCase(), new CertificatesOfTenant(tenant.toLowerCase(), options)]),
  );
  return { of: (tenant) => byTenant.get(tenant.toLowerCase())?.get };
}
