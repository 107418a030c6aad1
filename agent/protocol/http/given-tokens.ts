// SPDX-License-Identifier: Apache-2.0

/**
 * Is this JSON document the answer of a token endpoint? Who reads such an answer has obtained what stands in it; a token
 * that only appears somewhere in a document was perhaps just mentioned.
 *
 * Shape    RFC 6749, section 5.1, which managed-identity endpoints answer with as well: an object with access_token,
 *          refresh_token or id_token at its top; Kubernetes' ExecCredential and TokenRequest: status.token
 * Bounds   documents of at most DOCUMENT_BYTES_MAX; larger ones are not looked into
 * Errors   never throws; undefined for everything else
 */

/** The kind under which such credentials are handed over. */
export const TOKEN_RESPONSE = 'http-token-response';

export interface GivenTokens {
  readonly tokens: ReadonlySet<string>;
  /** The credential stands under a name (`token`) that elsewhere says little. */
  readonly hasPlainName: boolean;
}

/** Entra's answers have less than 8 KiB; with a refresh token and an id token of many groups less than 48. */
const DOCUMENT_BYTES_MAX = 64 * 1024;
const OPENING_BRACE = 0x7b;
const TOKEN_NAMES = ['access_token', 'refresh_token', 'id_token'] as const;
const KUBERNETES_KINDS = new Set(['ExecCredential', 'TokenRequest']);
/** Told before parsing: most documents have none of these words, and few the ends that tell them quickly. */
const WORTH_PARSING = /"(?:access_token|refresh_token|id_token|ExecCredential|TokenRequest)"/;
const ENDS = ['_token"', 'ExecCredential"', 'TokenRequest"'] as const;

function isWorthParsing(latin1: string): boolean {
  return ENDS.some((end) => latin1.includes(end)) && WORTH_PARSING.test(latin1);
}

/** "k8s\0" · runtime.Unknown { 1: TypeMeta { 1: apiVersion, 2: kind } }: all of it short texts. */
const ENVELOPE_HEAD_BYTES = 64;

/** Kubernetes' TokenRequest in protobuf: the only token in it is the one that is given. */
export function isTokenEnvelope(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 0, 4) !== 'k8s\0') return false;
  return bytes.subarray(0, ENVELOPE_HEAD_BYTES).includes('\x12\x0cTokenRequest');
}

/** `latin1` is the same document, one character a byte. */
export function tokensGiven(bytes: Buffer, latin1 = bytes.toString('latin1')): GivenTokens | undefined {
  if (bytes.length > DOCUMENT_BYTES_MAX || !beginsAsObject(bytes) || !isWorthParsing(latin1)) return undefined;
  const document = objectIn(bytes.toString('utf8'));
  if (document === undefined) return undefined;
  const kind = document['kind'];
  if (typeof kind === 'string' && KUBERNETES_KINDS.has(kind)) {
    const status = document['status'];
    const token = isObject(status) ? status['token'] : undefined;
    return { tokens: new Set(typeof token === 'string' && token !== '' ? [token] : []), hasPlainName: true };
  }
  const values = TOKEN_NAMES.map((name) => (Object.hasOwn(document, name) ? document[name] : undefined));
  const tokens = new Set(values.filter((value): value is string => typeof value === 'string' && value !== ''));
  return tokens.size === 0 ? undefined : { tokens, hasPlainName: false };
}

function beginsAsObject(bytes: Buffer): boolean {
  let at = 0;
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at++;
  return bytes[at] === OPENING_BRACE;
}

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
