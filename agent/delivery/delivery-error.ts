// SPDX-License-Identifier: Apache-2.0

/** Why the record does not reach the collector (docs/ERRORS.md, "Agent: journal and delivery"). Codes are stable. */

interface Kind {
  readonly about: string;
  /** It may pass by itself; otherwise somebody has to act, and attempts become rare. */
  readonly retryable: boolean;
}

export const DELIVERY_ERRORS = {
  delivery_files: { about: 'A certificate or key file cannot be used.', retryable: true },
  delivery_certificate_expired: { about: 'The certificate of this agent is not valid now.', retryable: true },
  delivery_certificate_name: { about: 'The certificate is not that of this agent.', retryable: true },
  delivery_certificate_refused: {
    about: 'The collector does not accept the certificate of this agent.',
    retryable: true,
  },
  delivery_host_unknown: { about: 'The name of the collector cannot be resolved.', retryable: true },
  delivery_unreachable: { about: 'The collector cannot be reached.', retryable: true },
  delivery_server_untrusted: { about: "The collector's certificate is not trusted.", retryable: true },
  delivery_server_name: { about: "The collector's certificate is for another name.", retryable: true },
  delivery_not_a_collector: { about: 'What answers there is not a collector.', retryable: true },
  delivery_connection_lost: { about: 'The connection to the collector ended.', retryable: true },
  delivery_no_answer: { about: 'The collector does not answer in time.', retryable: true },
  delivery_protocol: { about: 'The collector answered what it never should.', retryable: true },
  delivery_journal: { about: 'The journal cannot be read.', retryable: true },
  delivery_gap: { about: 'The collector expected other entries.', retryable: true },
  delivery_store_unavailable: { about: 'The collector cannot store at the moment.', retryable: true },
  delivery_superseded: { about: 'Another agent with the same id took over.', retryable: true },
  delivery_wrong_agent: { about: 'The collector knows this certificate as another agent.', retryable: false },
  delivery_too_large: { about: 'The collector does not take an entry of this size.', retryable: false },
  delivery_malformed: { about: 'The collector does not understand what was sent.', retryable: false },
  delivery_rolled_back: {
    about: 'The collector has more entries of this agent than its journal: the journal is not the one they came from.',
    retryable: false,
  },
  delivery_forked: {
    about: 'The collector cosigned a record of this agent that this one does not continue.',
    retryable: false,
  },
  delivery_key_changed: {
    about: 'The collector knows another key that signs for this agent.',
    retryable: false,
  },
  delivery_collector_key: { about: 'The key of the collector is not the one that is known.', retryable: false },
  delivery_cosignature: { about: 'The collector cosigned what was not sent.', retryable: true },
  delivery_refused: { about: 'The collector refuses to go on.', retryable: false },
} as const satisfies Record<string, Kind>;

export type DeliveryErrorCode = keyof typeof DELIVERY_ERRORS;

export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  readonly code: DeliveryErrorCode;
  readonly retryable: boolean;

  constructor(code: DeliveryErrorCode, about: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    const { cause, retryable = DELIVERY_ERRORS[code].retryable } = options;
    super(`${DELIVERY_ERRORS[code].about} ${about}`.trim(), cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = retryable;
  }
}

/** The collector's word for a refusal, as ours. Words that are newer than this agent keep their meaning in the message. */
const REFUSALS: Readonly<Record<string, DeliveryErrorCode>> = {
  wrong_agent: 'delivery_wrong_agent',
  gap: 'delivery_gap',
  too_large: 'delivery_too_large',
  malformed: 'delivery_malformed',
  store_unavailable: 'delivery_store_unavailable',
  superseded: 'delivery_superseded',
  rolled_back: 'delivery_rolled_back',
  forked: 'delivery_forked',
  key_changed: 'delivery_key_changed',
};

export function refusalError(code: string, message: string, retry: boolean): DeliveryError {
  const known = Object.hasOwn(REFUSALS, code) ? REFUSALS[code]! : 'delivery_refused';
  // What comes from the other end goes into logs: bounded, and on one line.
  const said = `It says ${JSON.stringify(`${code}: ${message}`.slice(0, 500))}.`;
  return new DeliveryError(known, said, { retryable: retry });
}
