// SPDX-License-Identifier: Apache-2.0
export class TwoCollectors {
  static async start(): Promise<TwoCollectors> {
    return new TwoCollectors();
  }
  async stop(): Promise<void> {}
}
