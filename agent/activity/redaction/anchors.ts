// SPDX-License-Identifier: Apache-2.0

/**
 * Three letters in a row that stand in everything that is looked for, and rarely elsewhere. One table look-up a character
 * finds them all at once; what is found is then looked at properly. So a text without secrets costs about a nanosecond a
 * character, however many things are looked for.
 *
 * A character counts by its low five bits: case does not matter, and other characters may pass for letters. An anchor is
 * a reason to look, and proves nothing.
 */

export const Anchor = {
  none: 0,
  /** The name of a secret, or a word that holds such three letters by chance. */
  name: 1,
  /** `://`: userinfo in a URL. */
  address: 2,
  /** `eyJ`: JSON in base64url, as JSON Web Tokens begin. */
  webToken: 3,
  /** The beginning of a key that says what it is: AKIA…, ghp_…, xoxb-…, sk-…. */
  issuedKey: 4,
  /** `Bearer`, `Basic`. */
  scheme: 5,
  /** `d b` of IDENTIFIED BY. */
  identifiedBy: 6,
  /** A program that takes a secret behind a short option. */
  program: 7,
  /** ` -u`, ` -p`: such an option. */
  option: 8,
  /** Functions of SQL that take a key or a password. */
  sqlFunction: 9,
} as const;

export type Anchor = (typeof Anchor)[keyof typeof Anchor];

const LETTERS: readonly (readonly [Anchor, string])[] = [
  // password, passwd, passphrase, pass · pwd · secret · token · …key · auth… · sig, signature · cookie · assertion · identity-header · samlresponse
  [Anchor.name, 'pas pwd ecr tok key uth sig oki sas jwt gjs sse y-h y_h yhe mlr ?co &co'],
  [Anchor.address, '://'],
  [Anchor.webToken, 'eyj'],
  [Anchor.issuedKey, 'aki ghp gho ghu ghs ghr b_p xox aiz ya2 sk- sk_ rk_ pm_ ypi glp dop hvs hvb sg. hf_ dap oks ls0'],
  // Client secrets of Microsoft Entra: a digit and Q~ behind three characters.
  [Anchor.issuedKey, '0q~ 1q~ 2q~ 3q~ 4q~ 5q~ 6q~ 7q~ 8q~ 9q~'],
  [Anchor.scheme, 'bea asi'],
  [Anchor.identifiedBy, 'd b'],
  [Anchor.program, 'cur mys mar shp'],
  [Anchor.option, ' -u  -p'],
  [Anchor.sqlFunction, 'ryp hma'],
];

const BITS = 0x1f;
const MASK = 0x7fff;

/** By the low five bits of three characters. */
export const ANCHOR_OF = new Uint8Array(MASK + 1);
for (const [anchor, text] of LETTERS) {
  for (let i = 0; i + 3 <= text.length; i += 4) ANCHOR_OF[letters(text.slice(i, i + 3))] = anchor;
}

function letters(text: string): number {
  return [...text].reduce((sum, letter) => nextLetters(sum, letter.charCodeAt(0)), 0);
}

/** The three letters that end with this one. */
export function nextLetters(before: number, code: number): number {
  return ((before << 5) | (code & BITS)) & MASK;
}
