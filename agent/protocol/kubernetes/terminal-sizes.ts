// SPDX-License-Identifier: Apache-2.0

/** The resize channel of an exec with -t: `{"Width":80,"Height":24}`, one or several in a message, also in pieces. */

const TEXT_BYTES_MAX = 4096;
const SIDE_MAX = 65_535;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export class TerminalSizes {
  #text = '';

  get heldBytes(): number {
    return this.#text.length;
  }

  /** Those that are whole now. */
  push(bytes: Uint8Array): TerminalSize[] {
    const sizes: TerminalSize[] = [];
    this.#text += Buffer.from(bytes).toString('latin1');
    for (let end = this.#text.indexOf('}'); end >= 0; end = this.#text.indexOf('}')) {
      const text = this.#text.slice(0, end + 1);
      this.#text = this.#text.slice(end + 1);
      const columns = sideIn(text, 'Width');
      const rows = sideIn(text, 'Height');
      if (columns !== undefined && rows !== undefined) sizes.push({ columns, rows });
    }
    if (this.#text.length > TEXT_BYTES_MAX) this.#text = '';
    return sizes;
  }

  end(): void {
    this.#text = '';
  }
}

function sideIn(text: string, name: string): number | undefined {
  const [, digits] = new RegExp(`"${name}"\\s*:\\s*(\\d{1,5})`).exec(text) ?? [];
  const side = Number(digits);
  return digits !== undefined && side <= SIDE_MAX ? side : undefined;
}
