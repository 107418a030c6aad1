// SPDX-License-Identifier: Apache-2.0

/** An address as RFC 5952 writes it; IPv4 inside IPv6 as IPv4. '' for neither. */
export function addressText(batch: Buffer, at: number, family: number): string {
  if (family === 4) return `${batch[at]}.${batch[at + 1]}.${batch[at + 2]}.${batch[at + 3]}`;
  if (family !== 6) return '';
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(batch.readUInt16BE(at + i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `${batch[at + 12]}.${batch[at + 13]}.${batch[at + 14]}.${batch[at + 15]}`;
  }
  let runAt = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > runLength) {
      runAt = i;
      runLength = length;
    }
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return runAt < 0 ? text(groups) : `${text(groups.slice(0, runAt))}::${text(groups.slice(runAt + runLength))}`;
}
