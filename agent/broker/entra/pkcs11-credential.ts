// SPDX-License-Identifier: Apache-2.0

/**
 * Assertions by a key that stays where it is: in a hardware module, a smart card, a TPM (through tpm2-pkcs11). The module
 * of its maker is loaded into this process, and signs; the key itself is never seen here.
 */

import { constants, createHash, verify, type X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Handle, PKCS11, RsaPSS } from 'pkcs11js';
import { BrokerError } from '../errors.ts';
import type { Pkcs11Credential } from '../policy/identity.ts';
import { type AssertionSource, CredentialProblem } from './assertion-source.ts';
import { certificateAssertions, credentialText, PSS_SALT_BYTES, readCertificates } from './client-assertion.ts';

type Library = typeof import('pkcs11js');

/** A PSS signature of RSA-4096, and room for what comes after it. */
const SIGNATURE_BYTES_MAX = 2048;
/** A token may be a slow one; one that does not answer at all holds up only its own identity. */
const ERRORS_WORTH_ANOTHER_SESSION = new Set([
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
]);

/** Loaded when a configuration asks for it: others need neither the library nor a compiler. */
function load(): Library {
  try {
    return createRequire(import.meta.url)('pkcs11js') as Library;
  } catch (cause) {
    throw new BrokerError('KEY_TOKEN_UNAVAILABLE', 'The package pkcs11js is not installed or not built.', cause);
  }
}

const wordOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : '';
  return /CKR_[A-Z0-9_]+/.exec(message)?.[0] ?? 'unknown';
};

/** A module is initialised once in a process, however many identities have keys in it. */
const modules = new Map<string, { readonly pkcs11: PKCS11; users: number }>();

function openModule(path: string): PKCS11 {
  const there = modules.get(path);
  if (there !== undefined) {
    there.users += 1;
    return there.pkcs11;
  }
  const library = load();
  const pkcs11 = new library.PKCS11();
  try {
    pkcs11.load(path);
    pkcs11.C_Initialize({ flags: library.CKF_OS_LOCKING_OK });
  } catch (cause) {
    throw new BrokerError('KEY_TOKEN_UNAVAILABLE', `Module ${path} (${wordOf(cause)}).`, cause);
  }
  modules.set(path, { pkcs11, users: 1 });
  return pkcs11;
}

function closeModule(path: string): void {
  const there = modules.get(path);
  if (there === undefined) return;
  there.users -= 1;
  if (there.users > 0) return;
  modules.delete(path);
  try {
    there.pkcs11.C_Finalize();
  } finally {
    there.pkcs11.close();
  }
}

interface OpenKey {
  readonly session: Handle;
  readonly key: Handle;
  /** The token makes the digest itself; else it is handed one. */
  readonly digests: boolean;
}

class TokenKey {
  #open: OpenKey | undefined;
  /** One signature at a time: a session signs one thing. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #pkcs11: PKCS11;
  readonly #library: Library;
  readonly #credential: Pkcs11Credential;
  readonly #identity: string;

  constructor(pkcs11: PKCS11, credential: Pkcs11Credential, identity: string) {
    this.#pkcs11 = pkcs11;
    this.#library = load();
    this.#credential = credential;
    this.#identity = identity;
  }

  /** Errors: BrokerError when there is no such token or key, or the PIN is not taken. */
  async open(): Promise<void> {
    const { pinFile, keyLabel, tokenLabel } = this.#credential;
    const pin = pinFile === undefined ? undefined : await this.#pin(pinFile);
    const where = `Identity ${this.#identity}, token ${tokenLabel ?? '(the only one)'}`;
    try {
      const slot = this.#slot();
      if (slot === undefined)
        throw new BrokerError('KEY_TOKEN_UNAVAILABLE', `${where}: there is no such token, or several.`);
      const { CKF_SERIAL_SESSION, CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_PKCS_PSS, CKR_USER_ALREADY_LOGGED_IN } =
        this.#library;
      const mechanisms = this.#pkcs11.C_GetMechanismList(slot);
      const digests = mechanisms.includes(CKM_SHA256_RSA_PKCS_PSS);
      if (!digests && !mechanisms.includes(CKM_RSA_PKCS_PSS)) {
        throw new BrokerError('KEY_TOKEN_UNAVAILABLE', `${where}: it cannot sign with RSA-PSS.`);
      }
      const session = this.#pkcs11.C_OpenSession(slot, CKF_SERIAL_SESSION);
      try {
        if (pin !== undefined) this.#login(session, pin, CKR_USER_ALREADY_LOGGED_IN);
        const key = this.#key(session, keyLabel);
        if (key === undefined) {
          throw new BrokerError(
            'KEY_TOKEN_UNAVAILABLE',
            `${where}: exactly one RSA key labelled ${keyLabel} is expected.`,
          );
        }
        this.#open = { session, key, digests };
      } catch (error) {
        this.#pkcs11.C_CloseSession(session);
        throw error;
      }
    } catch (error) {
      if (error instanceof BrokerError) throw error;
      throw new BrokerError('KEY_TOKEN_UNAVAILABLE', `${where} (${wordOf(error)}).`, error);
    }
  }

  async #pin(file: string): Promise<string> {
    const { text, mode } = await credentialText(file, this.#identity);
    if ((mode & 0o007) !== 0) {
      throw new BrokerError(
        'KEY_OPEN_TO_OTHERS',
        `Identity ${this.#identity}, file ${file}: take the rights of others away.`,
      );
    }
    return text.replace(/\r?\n$/, '');
  }

  #login(session: Handle, pin: string, alreadyLoggedIn: number): void {
    try {
      this.#pkcs11.C_Login(session, this.#library.CKU_USER, pin);
    } catch (error) {
      // Another identity with a key in the same token: a login is the token's, not the session's.
      if ((error as { code?: number }).code !== alreadyLoggedIn) throw error;
    }
  }

  #slot(): Handle | undefined {
    const { tokenLabel } = this.#credential;
    const slots = this.#pkcs11.C_GetSlotList(true);
    const fitting = slots.filter((slot) => {
      const label = this.#pkcs11.C_GetTokenInfo(slot).label.trimEnd();
      return tokenLabel === undefined ? label !== '' : label === tokenLabel;
    });
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  #key(session: Handle, label: string): Handle | undefined {
    const { CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKO_PRIVATE_KEY, CKK_RSA } = this.#library;
    this.#pkcs11.C_FindObjectsInit(session, [
      { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
      { type: CKA_KEY_TYPE, value: CKK_RSA },
      { type: CKA_LABEL, value: label },
    ]);
    try {
      const found = this.#pkcs11.C_FindObjects(session, 2);
      return found.length === 1 ? found[0] : undefined;
    } finally {
      this.#pkcs11.C_FindObjectsFinal(session);
    }
  }

  /** RSASSA-PSS over SHA-256. Errors: CredentialProblem. */
  sign(input: Buffer): Promise<Buffer> {
    const signed = this.#turn.then(() => this.#signOnce(input));
    this.#turn = signed.catch(() => undefined);
    return signed;
  }

  whenIdle(act: () => void): void {
    this.#turn = this.#turn.then(act).catch(() => undefined);
  }

  async #signOnce(input: Buffer): Promise<Buffer> {
    try {
      if (this.#open === undefined) await this.open();
      return await this.#signNow(input);
    } catch (error) {
      if (!ERRORS_WORTH_ANOTHER_SESSION.has(wordOf(error))) throw this.#problem(error);
    }
    // The token was taken out and put in again, or its daemon was restarted.
    this.closeSession();
    try {
      await this.open();
      return await this.#signNow(input);
    } catch (error) {
      throw this.#problem(error);
    }
  }

  #problem(error: unknown): CredentialProblem {
    const why = error instanceof BrokerError ? error.message : wordOf(error);
    return new CredentialProblem('credential_unavailable', `The token does not sign: ${why}`, { cause: error });
  }

  async #signNow(input: Buffer): Promise<Buffer> {
    const { CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, CK_PARAMS_RSA_PSS } = this.#library;
    const { session, key, digests } = this.#open as OpenKey;
    const pss: RsaPSS = { type: CK_PARAMS_RSA_PSS, hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256, saltLen: PSS_SALT_BYTES };
    const mechanism = digests ? CKM_SHA256_RSA_PKCS_PSS : CKM_RSA_PKCS_PSS;
    this.#pkcs11.C_SignInit(session, { mechanism, parameter: pss }, key);
    const data = digests ? input : createHash('sha256').update(input).digest();
    // Off this thread: a TPM takes some hundred milliseconds.
    return this.#pkcs11.C_SignAsync(session, data, Buffer.alloc(SIGNATURE_BYTES_MAX));
  }

  closeSession(): void {
    const session = this.#open?.session;
    this.#open = undefined;
    if (session === undefined) return;
    try {
      this.#pkcs11.C_CloseSession(session);
    } catch {
      // It is gone already: that is why it is closed.
    }
  }
}

function fits(certificate: X509Certificate, input: Buffer, signature: Buffer): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify('sha256', input, { key: certificate.publicKey, padding, saltLength: PSS_SALT_BYTES }, signature);
}

/**
 * Find the key, sign once with it, and check that by the certificate.
 *
 * Errors   BrokerError when the module cannot be loaded, token or key are not there, or the two do not belong together
 * Source   PKCS#11 2.40, CKM_SHA256_RSA_PKCS_PSS; where a token lacks that, CKM_RSA_PKCS_PSS over a digest made here
 */
export async function openPkcs11Credential(credential: Pkcs11Credential, identity: string): Promise<AssertionSource> {
  const certificates = await readCertificates(credential.certificateFile, identity);
  const key = new TokenKey(openModule(credential.module), credential, identity);
  const close = (): void => {
    // A signature that is being made ends first: nobody takes a module away from below its own thread.
    key.whenIdle(() => {
      key.closeSession();
      closeModule(credential.module);
    });
  };
  try {
    await key.open();
    const trial = Buffer.from('sworn');
    if (!fits(certificates[0], trial, await key.sign(trial))) {
      throw new BrokerError('KEY_MISMATCH', `Identity ${identity}: key ${credential.keyLabel} of the token.`);
    }
  } catch (error) {
    close();
    if (!(error instanceof CredentialProblem)) throw error;
    throw new BrokerError('KEY_TOKEN_UNAVAILABLE', `Identity ${identity}: ${error.message}.`, error);
  }
  return { ...certificateAssertions(certificates, false, (input) => key.sign(input)), close };
}
