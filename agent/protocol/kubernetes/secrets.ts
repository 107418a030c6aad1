// SPDX-License-Identifier: Apache-2.0

/**
 * Values of Secrets and tokens of service accounts, out of the bodies that carry them: keys stay, values go. What cannot be
 * read well enough to tell one from the other goes whole.
 *
 * Where    bodies of the resource `secrets`, of `serviceaccounts/token` and `tokenreviews`, and any body whose kind is Secret
 * What     everything below `data` and `stringData`, `token`, the values of a JSON Patch, and the annotation in which
 *          kubectl keeps what was applied last
 * Not      a Secret inside of another object (a template of an operator, a ConfigMap): agent/activity looks for secrets there
 */
import { isUtf8 } from 'node:buffer';
import { isMap, isNode, isScalar, parseAllDocuments, visit } from 'yaml';
import { YAML_BYTES_MAX } from './bounds.ts';
import { PROTOBUF_MAGIC } from './envelope.ts';
import { jsonScalars } from './json-scalars.ts';
import { bufferOf, isJsonText } from './object.ts';
import type { RequestInfo } from './request-info.ts';
import { blankSecretValues, QUOTES } from './secret-messages.ts';
import { tokenOf } from './secret-token.ts';

export const REDACTED = '[redacted]';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const HIDDEN_BELOW = new Set(['data', 'stringData', 'token', LAST_APPLIED]);

export interface Cleaned {
  readonly bytes: Uint8Array;
  /** Something was taken out. */
  readonly isChanged: boolean;
  /** Tokens that were among what was taken out of JSON. What stands as such in a body, HTTP has taken out before. */
  readonly tokens: readonly string[];
}

export function carriesSecrets({ group, resource, subresource }: RequestInfo): boolean {
  if (group === '') return resource === 'secrets' || (resource === 'serviceaccounts' && subresource === 'token');
  return group === 'authentication.k8s.io' && resource === 'tokenreviews';
}

const SECRET_KIND = /["']?kind["']?\s{0,16}:\s{0,16}["']?Secret(?:List)?["'\s,}]/;

/** A Secret where the path says something else. */
export function isSecretKind(bytes: Uint8Array): boolean {
  const buffer = bufferOf(bytes);
  return buffer.includes('Secret') && (SECRET_KIND.test(buffer.toString('latin1')) || isMessage(buffer));
}

function isMessage(bytes: Buffer): boolean {
  return bytes.subarray(0, 64).includes(PROTOBUF_MAGIC);
}

/** @param isPatch  the body is a patch: of a JSON Patch all values go */
export function withoutSecrets(given: Uint8Array, isPatch: boolean): Cleaned {
  const bytes = bufferOf(given);
  if (bytes.length === 0) return { bytes, isChanged: false, tokens: [] };
  if (isMessage(bytes)) {
    const cleaned = blankSecretValues(bytes);
    return cleaned === undefined ? withheld() : { ...cleaned, tokens: [] };
  }
  if (isJsonText(bytes)) {
    const cleaned = cleanedJson(bytes, isPatch);
    if (cleaned !== undefined) return cleaned;
  }
  return cleanedYaml(bytes) ?? withheld();
}

const withheld = (): Cleaned => ({ bytes: Buffer.from(REDACTED), isChanged: true, tokens: [] });

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Undefined when it breaks off being JSON; a flow of YAML begins alike. */
function cleanedJson(bytes: Buffer, isPatch: boolean): Cleaned | undefined {
  const spans: Span[] = [];
  const tokens: string[] = [];
  const isHidden = (name: string) => HIDDEN_BELOW.has(name) || (isPatch && name === 'value');
  const { brokenAt } = jsonScalars(bytes, ({ from, to, names }) => {
    const quotes = names.at(-1) === 'message' && QUOTES.test(bytes.toString('latin1', from, to));
    if (!quotes && !names.some(isHidden)) return;
    spans.push({ from, to });
    const token = quotes ? undefined : tokenOf(bytes.toString('utf8', from, to), names);
    if (token !== undefined) tokens.push(token);
  });
  if (brokenAt !== undefined) return undefined;
  return { ...replaced(bytes, spans, `"${REDACTED}"`), tokens };
}

function replaced(bytes: Buffer, spans: readonly Span[], mark: string): Omit<Cleaned, 'tokens'> {
  if (spans.length === 0) return { bytes, isChanged: false };
  const parts: Buffer[] = [];
  const shown = Buffer.from(mark);
  let done = 0;
  for (const { from, to } of spans) {
    parts.push(bytes.subarray(done, from), shown);
    done = to;
  }
  parts.push(bytes.subarray(done));
  return { bytes: Buffer.concat(parts), isChanged: true };
}

/** Undefined when it is no YAML that maps names to values, or too long, or was cut: nobody knows then what a value is. */
function cleanedYaml(bytes: Buffer): Cleaned | undefined {
  if (bytes.length > YAML_BYTES_MAX || !isUtf8(bytes)) return undefined;
  const text = bytes.toString('utf8');
  try {
    const documents = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false });
    if (!Array.isArray(documents)) return undefined;
    for (const document of documents) {
      // An anchor outside may be what stands below `data` by its alias; a comment may tell what it likes.
      if (document.errors.length > 0 || !isMap(document.contents) || /(?:^|\s)[&*]\w/.test(text)) return undefined;
      visit(document, {
        Pair(_, pair) {
          const name = isScalar(pair.key) ? String(pair.key.value) : '';
          if (!HIDDEN_BELOW.has(name)) return undefined;
          if (!isNode(pair.value)) return undefined;
          visit(pair.value, {
            Scalar(key, node) {
              if (key === 'key') return;
              node.value = REDACTED;
              node.type = 'QUOTE_DOUBLE';
              delete node.tag;
              delete node.comment;
              delete node.commentBefore;
            },
          });
          return visit.SKIP;
        },
      });
      document.comment = document.commentBefore = null;
    }
    const cleaned = documents.map((document) => document.toString({ lineWidth: 0 })).join('');
    return { bytes: Buffer.from(cleaned.replace(/^[ \t]*#.*\n/gm, '')), isChanged: cleaned !== text, tokens: [] };
  } catch {
    return undefined;
  }
}

export function withoutQuotes(message: string): string {
  const at = message.search(QUOTES);
  return at < 0 ? message : `${message.slice(0, at)}${REDACTED}`;
}
