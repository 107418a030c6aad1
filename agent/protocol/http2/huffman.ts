// SPDX-License-Identifier: Apache-2.0

/**
 * The Huffman code of HPACK.
 *
 * The code is canonical: within a length codes count up in the order of the symbols, and a longer length goes on where the
 * shorter one stopped. So the lengths say all of it.
 *
 * Source   RFC 7541, section 5.2 and appendix B
 */

/** Symbols by the length of their code, in bits; 256 is EOS. */
const SYMBOLS: readonly (readonly [bits: number, symbols: string])[] = [
  [5, '48-50 97 99 101 105 111 115-116'],
  [6, '32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117'],
  [7, '58 66-87 89 106-107 113 118-122'],
  [8, '38 42 44 59 88 90'],
  [10, '33-34 40-41 63'],
  [11, '39 43 124'],
  [12, '35 62'],
  [13, '0 36 64 91 93 126'],
  [14, '94 125'],
  [15, '60 96 123'],
  [19, '92 195 208'],
  [20, '128 130-131 162 184 194 224 226'],
  [21, '153 161 167 172 176-177 179 209 216-217 227 229-230'],
  [22, '129 132-134 136 146 154 156 160 163-164 169-170 173 178 181 185-187 189-190 196 198 228 232-233'],
  [23, '1 135 137-141 143 147 149-152 155 157-158 165-166 168 174-175 180 182-183 188 191 197 231 239'],
  [24, '9 142 144-145 148 159 171 206 215 225 236-237'],
  [25, '199 207 234-235'],
  [26, '192-193 200-202 205 210 213 218-219 238 240 242-243 255'],
  [27, '203-204 211-212 214 221-223 241 244-248 250-254'],
  [28, '2-8 11-12 14-21 23-31 127 220 249'],
  [30, '10 13 22 256'],
];

const EOS = 256;
/** Node n has its children at 2n and 2n + 1: another node, or minus one minus the symbol. */
const tree = new Int16Array(2 * 257);

function plant(): void {
  let nodes = 1;
  let code = 0;
  let before = 0;
  for (const [bits, symbols] of SYMBOLS) {
    code *= 2 ** (bits - before);
    before = bits;
    for (const range of symbols.split(' ')) {
      const [first = 0, last = first] = range.split('-').map(Number);
      for (let symbol = first; symbol <= last; symbol++, code++) {
        let node = 0;
        for (let bit = bits - 1; bit > 0; bit--) {
          const place = 2 * node + ((code >>> bit) & 1);
          if (tree[place] === 0) tree[place] = nodes++;
          node = tree[place]!;
        }
        tree[2 * node + (code & 1)] = -1 - symbol;
      }
    }
  }
}
plant();

/**
 * What four bits more lead to, by the node: where the next bits go on, and the symbol that ended among them (none is shorter than
 * five bits, so there is one at most).
 *
 * Shape    node (9 bits) · symbol (8 bits) · SYMBOL, where there is one; or REFUSED: EOS is in it
 */
const steps = new Int32Array(257 * 16);
const SYMBOL = 1 << 17;
const REFUSED = -1;
/** Nodes at which a text may end: padding is shorter than a byte, and all ones (section 5.2). */
const mayEnd = new Uint8Array(257);
const PADDING_BITS_MAX = 7;

function tabulate(): void {
  for (let node = 0; node < 257; node++) {
    for (let bits = 0; bits < 16; bits++) steps[16 * node + bits] = stepOf(node, bits);
  }
  mayEnd[0] = 1;
  for (let node = 0, bits = 1; bits <= PADDING_BITS_MAX; bits++) {
    node = tree[2 * node + 1]!;
    mayEnd[node] = 1;
  }
}

function stepOf(from: number, bits: number): number {
  let node = from;
  let symbol = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[2 * node + ((bits >>> bit) & 1)]!;
    node = Math.max(0, next);
    if (next >= 0) continue;
    if (-1 - next === EOS) return REFUSED;
    symbol = SYMBOL | ((-1 - next) << 9);
  }
  return symbol | node;
}
tabulate();

/** The shortest code has 5 bits. */
const EXPANSION_MAX = 8 / 5;

/** Undefined when the bytes are no code: EOS in it, or a padding that is too long or not all ones. Never throws. */
export function huffmanDecoded(coded: Uint8Array, from = 0, to = coded.length): Buffer | undefined {
  const text = Buffer.allocUnsafe(Math.ceil((to - from) * EXPANSION_MAX));
  let length = 0;
  let node = 0;
  for (let at = from; at < to; at++) {
    const byte = coded[at]!;
    const first = steps[16 * node + (byte >>> 4)]!;
    if (first < 0) return undefined;
    if ((first & SYMBOL) !== 0) text[length++] = (first >>> 9) & 0xff;
    const second = steps[16 * (first & 0x1ff) + (byte & 0xf)]!;
    if (second < 0) return undefined;
    if ((second & SYMBOL) !== 0) text[length++] = (second >>> 9) & 0xff;
    node = second & 0x1ff;
  }
  return mayEnd[node] === 1 ? text.subarray(0, length) : undefined;
}
