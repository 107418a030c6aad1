// SPDX-License-Identifier: Apache-2.0

/** The script of a bundle's page, without a browser: what a page has, in a realm of its own with WebCrypto. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import type { Problem } from '../audit/audit-finding.ts';

export interface PageReport {
  readonly ok: boolean;
  readonly unchecked: boolean;
  readonly problems: readonly Problem[];
  readonly membership: { readonly ok: boolean; readonly message: string };
}

export interface PageManifest {
  session_id: string;
  logs: { agent_id: string; activities: number; page?: { left_out: number; payload_left_out: number } }[];
  keys: { line: string; origin: string }[];
}

interface PageScript {
  checkBundle(
    manifest: unknown,
    logs: readonly string[],
    given: readonly string[],
    onLine: (line: { seq: number }) => void,
    onProgress: () => void,
  ): Promise<PageReport>;
  leafOf(activity: unknown, agentId: string, host: string, digests: ReadonlyMap<string, Uint8Array>): Uint8Array;
  sha256(bytes: Uint8Array): Uint8Array;
  visible(text: string): string;
}

const SCRIPT = readFileSync(join(import.meta.dirname, '../audit/page/page.js'), 'utf8');

/** What the script declares. `crypto` is a browser's; one without Ed25519 has another. */
export function pageScript(source = SCRIPT, crypto: unknown = globalThis.crypto): PageScript & Record<string, unknown> {
  const context = createContext({ TextEncoder, TextDecoder, atob, btoa, crypto, setTimeout });
  runInContext(`${source}\n;globalThis.tables = { HEAD, DETAILS, ACCOUNT, WORDS };`, context);
  return context as unknown as PageScript & Record<string, unknown>;
}

export interface OpenedPage {
  readonly html: string;
  readonly manifest: PageManifest;
  readonly logs: readonly string[];
  readonly script: string;
}

/** As a browser takes it apart: what stands in a script ends at the first end of one. */
export function openPage(path: string): OpenedPage {
  const html = readFileSync(path, 'utf8');
  const blocks = [...html.matchAll(/<script([^>]*)>([\s\S]*?)<\/script/g)].map(([, words = '', text = '']) => ({
    words,
    text,
  }));
  const manifest = blocks.find(({ words }) => words.includes('id="manifest"'))?.text ?? '';
  return {
    html,
    manifest: JSON.parse(manifest) as PageManifest,
    logs: blocks.filter(({ words }) => words.includes('class="log"')).map(({ text }) => text.slice(1)),
    script: blocks.find(({ words }) => words === '')?.text ?? '',
  };
}

/** The verdict of the page over lines and a manifest: its own, or what became of them. */
export async function runPage(
  page: Pick<OpenedPage, 'manifest' | 'logs' | 'script'>,
  given: readonly string[] = [],
  crypto?: unknown,
): Promise<PageReport & { readonly seqs: readonly number[] }> {
  const seqs: number[] = [];
  const { checkBundle } = pageScript(page.script, crypto);
  const report = await checkBundle(
    page.manifest,
    page.logs,
    given,
    ({ seq }) => seqs.push(seq),
    () => {},
  );
  // Out of that realm: its objects have prototypes of their own.
  const { ok, unchecked, problems, membership } = JSON.parse(JSON.stringify({ ...report, verdicts: [] })) as PageReport;
  return { ok, unchecked, problems, membership, seqs };
}
