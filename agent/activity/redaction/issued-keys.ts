// SPDX-License-Identifier: Apache-2.0

/**
 * Keys that say themselves what they are, by the prefix that their issuer gives them. Lengths are those that are issued,
 * with room; every pattern is a class with a bound, so that looking costs no more than the key is long.
 */

interface IssuedKey {
  /** Where the anchor stands in the key. */
  readonly anchorAt: number;
  /** Sticky; the whole match is the secret, or its group 1. */
  readonly pattern: RegExp;
}

/** By the anchor's three letters, lower case. */
const KEYS: Readonly<Record<string, readonly IssuedKey[]>> = {
  // Amazon Web Services
  aki: [{ anchorAt: 0, pattern: /AKIA[0-9A-Z]{16}(?![0-9A-Za-z])/y }],
  asi: [{ anchorAt: 0, pattern: /ASIA[0-9A-Z]{16}(?![0-9A-Za-z])/y }],
  // GitHub, GitLab
  ...alike(['ghp', 'gho', 'ghu', 'ghs', 'ghr'], 0, /gh[pousr]_[A-Za-z0-9]{36,255}/y),
  b_p: [{ anchorAt: 5, pattern: /github_pat_[A-Za-z0-9_]{22,255}/y }],
  glp: [{ anchorAt: 0, pattern: /glpat-[A-Za-z0-9_-]{20,64}/y }],
  // Slack
  xox: [{ anchorAt: 0, pattern: /xox[abeprs]-[A-Za-z0-9-]{10,255}/y }],
  oks: [{ anchorAt: 2, pattern: /hooks\.slack\.com\/services\/([A-Z0-9]{6,16}\/[A-Z0-9]{6,16}\/[A-Za-z0-9]{16,48})/y }],
  // Google
  aiz: [{ anchorAt: 0, pattern: /AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/y }],
  ya2: [{ anchorAt: 0, pattern: /ya29\.[A-Za-z0-9_-]{20,512}/y }],
  // Stripe; OpenAI, Anthropic and those who follow them
  sk_: [{ anchorAt: 0, pattern: /sk_(?:live|test)_[A-Za-z0-9]{16,255}/y }],
  rk_: [{ anchorAt: 0, pattern: /rk_(?:live|test)_[A-Za-z0-9]{16,255}/y }],
  'sk-': [{ anchorAt: 0, pattern: /sk-(?=[A-Za-z_-]{0,64}\d)[A-Za-z0-9_-]{20,255}/y }],
  hf_: [{ anchorAt: 0, pattern: /hf_[A-Za-z0-9]{30,64}/y }],
  // Package registries
  pm_: [{ anchorAt: 1, pattern: /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/y }],
  ypi: [{ anchorAt: 1, pattern: /pypi-[A-Za-z0-9_-]{50,512}/y }],
  // HashiCorp Vault, DigitalOcean, Databricks, SendGrid
  ...alike(['hvs', 'hvb'], 0, /hv[sb]\.[A-Za-z0-9_-]{20,512}/y),
  dop: [{ anchorAt: 0, pattern: /dop_v1_[0-9a-f]{64}/y }],
  dap: [{ anchorAt: 0, pattern: /dapi[0-9a-f]{32}(?![0-9a-f])/y }],
  'sg.': [{ anchorAt: 0, pattern: /SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/y }],
  // Microsoft Entra: client secrets
  ...alike(
    Array.from({ length: 10 }, (_, digit) => `${digit}q~`),
    3,
    /[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,40}/y,
  ),
  // A private key in PEM, once more in base64, as Kubernetes keeps it
  ls0: [
    {
      anchorAt: 0,
      pattern:
        /LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFURS|BFQyBQUklWQVRF|BPUEVOU1NIIFBSSVZBVEU|BFTkNSWVBURUQgUFJJVkFURS)[A-Za-z0-9+/=]*/y,
    },
  ],
};

function alike(anchors: readonly string[], anchorAt: number, pattern: RegExp): Record<string, readonly IssuedKey[]> {
  return Object.fromEntries(anchors.map((anchor) => [anchor, [{ anchorAt, pattern }]]));
}

/** The key that the anchor at `at` belongs to: where it is, or undefined when there is none. */
export function issuedKeyAt(text: string, at: number): { readonly from: number; readonly to: number } | undefined {
  for (const { anchorAt, pattern } of KEYS[text.slice(at, at + 3).toLowerCase()] ?? []) {
    const start = at - anchorAt;
    if (start < 0 || isWordCharacter(text.charCodeAt(start - 1))) continue;
    pattern.lastIndex = start;
    const match = pattern.exec(text);
    if (match === null) continue;
    const from = match[1] === undefined ? start : start + match[0].length - match[1].length;
    return { from, to: start + match[0].length };
  }
  return undefined;
}

/** A letter, a digit or `_`; NaN, before the beginning, is none. */
export function isWordCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f
  );
}
