// SPDX-License-Identifier: Apache-2.0

/** What proves that a command of a client begins, where the place in its bytes was lost: sequence 0, and a body that fits. */
import { Command } from './constants.ts';

/** Header, command, and as much of a statement as holds its first word. */
export const PROOF_BYTES = 16;
const BODY_BYTES_MAX = 0x100000;
const VERBS =
  /^[\s(]*(?:select|insert|update|delete|replace|set|show|use|begin|start|commit|rollback|create|drop|alter|call|with|explain|describe|desc|truncate|load|lock|unlock|grant|revoke|prepare|execute|analyze|do|flush|kill|\/\*)/i;
/** A verb that is longer than what is looked at, or stands behind much white space. */
const MAY_BE_VERB = /^[\s(]*[a-z/]*$/i;

export function startsCommand(bytes: ArrayLike<number>): 'yes' | 'no' | 'maybe' {
  const length = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
  if (bytes.length >= 3 && (length === 0 || length > BODY_BYTES_MAX)) return 'no';
  if (bytes[3] === undefined) return 'maybe';
  if (bytes[3] !== 0) return 'no';
  if (bytes[4] === undefined) return 'maybe';
  switch (bytes[4]) {
    case Command.query:
    case Command.prepare:
      return startsStatement(bytes, length);
    case 0x0e:
    case 0x1f:
    case Command.quit:
    case Command.statistics:
      return length === 1 ? 'yes' : 'no';
    case Command.execute: {
      // Flags, and the number of iterations, which is 1.
      if (length < 10) return 'no';
      const rest = [bytes[10], bytes[11], bytes[12], bytes[13]];
      if (rest.some((byte, i) => byte !== undefined && byte !== (i === 0 ? 1 : 0))) return 'no';
      return rest[3] === undefined ? 'maybe' : 'yes';
    }
    default:
      return 'no';
  }
}

function startsStatement(bytes: ArrayLike<number>, length: number): 'yes' | 'no' | 'maybe' {
  let text = '';
  for (let i = 5; i < Math.min(bytes.length, 4 + length, PROOF_BYTES); i++)
    text += String.fromCharCode(bytes[i] as number);
  if (VERBS.test(text)) return 'yes';
  const isAll = bytes.length >= Math.min(4 + length, PROOF_BYTES);
  return isAll || !MAY_BE_VERB.test(text) ? 'no' : 'maybe';
}
