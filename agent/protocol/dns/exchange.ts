// SPDX-License-Identifier: Apache-2.0

/** A query and its reply in the words of the record. */
import type { Exchange, Payload } from '../decoder.ts';
import type { DnsRecord, Message, Question } from './message.ts';
import { sameCase } from './name.ts';
import { className, opcodeName, rcodeName, typeName } from './record-types.ts';
import type { Arrived, Variant } from './talk.ts';

const NOTHING: Payload = { bytes: new Uint8Array(0), totalBytes: 0 };
/** Answers as text in the attributes; the reply itself is kept whole. */
const ANSWERS_CHARACTERS_MAX = 4096;
/** Questions that a statement names; more than one is only said by mDNS. */
const QUESTIONS_SHOWN_MAX = 16;
const IN = 1;
/** mDNS uses the top bit of the class: a unicast reply is wanted, or what was known before is to be forgotten. */
const CLASS_BITS = 0x7fff;

/** `asked` and `reply`, one of them at least. */
export function sayExchange(asked: Arrived | undefined, reply: Arrived | undefined, variant: Variant): Exchange {
  const first = (asked ?? reply) as Arrived;
  const last = (reply ?? asked) as Arrived;
  const questions = questionsOf(asked?.message, reply?.message);
  const [question] = questions;
  const { opcode } = first.message;
  const operation = opcode !== 0 ? opcodeName(opcode) : question === undefined ? 'QUERY' : typeName(question.type);
  const resource = question === undefined ? '' : sameCase(question.name);
  const said = questions.slice(0, QUESTIONS_SHOWN_MAX);
  const rcode = reply?.message.rcode ?? 0;
  const request = asked?.payload ?? NOTHING;
  const response = reply?.payload ?? NOTHING;
  return {
    operation,
    target: '',
    resource,
    statement: said.map(statementOf).join(', ') || operation,
    statementShape: said.map(shapeOf).join(', ') || operation.toLowerCase(),
    parameters: '',
    request,
    response,
    status: reply === undefined ? 'unknown' : rcode === 0 ? 'ok' : 'error',
    errorCode: rcode === 0 ? '' : rcodeName(rcode),
    errorMessage: '',
    ...(reply && { rows: reply.message.answerCount }),
    requestBytes: asked?.wireBytes ?? 0,
    responseBytes: reply?.wireBytes ?? 0,
    truncated: isCut(request) || isCut(response),
    attributes: attributesOf(asked, reply, variant),
    requestAt: first.firstAt,
    requestEndAt: asked?.lastAt ?? first.firstAt,
    responseAt: reply?.firstAt ?? last.lastAt,
    responseEndAt: last.lastAt,
  };
}

/** What was asked; of a reply that repeats no question, what it answers. */
function questionsOf(asked: Message | undefined, reply: Message | undefined): readonly Question[] {
  for (const message of [asked, reply])
    if (message !== undefined && message.questions.length > 0) return message.questions;
  return reply?.answers.slice(0, QUESTIONS_SHOWN_MAX) ?? [];
}

function statementOf({ type, name, class: of }: Question): string {
  const plain = of & CLASS_BITS;
  return plain === IN ? `${typeName(type)} ${name}` : `${typeName(type)} ${className(plain)} ${name}`;
}

/** The last two labels tell whose name it is; what is before them is a value. */
function shapeOf({ type, name }: Question): string {
  const labels = sameCase(name).split('.');
  const shown = labels.length > 2 ? ['*', ...labels.slice(-2)] : labels;
  return `${typeName(type).toLowerCase()} ${shown.join('.') || '.'}`;
}

function attributesOf(
  asked: Arrived | undefined,
  reply: Arrived | undefined,
  variant: Variant,
): Record<string, string> {
  const said: Record<string, string> = {};
  if (variant !== '') said['variant'] = variant;
  if (asked?.from === 'server' || reply?.from === 'client') said['reversed'] = 'true';
  const query = asked?.message;
  if (query !== undefined) {
    if (query.flags !== '') said['flags'] = query.flags;
    if (query.edns !== undefined) said['edns_udp_size'] = String(query.edns.udpBytesMax);
    if (query.edns?.wantsDnssec) said['dnssec_ok'] = 'true';
    if (query.edns?.clientSubnet) said['client_subnet'] = query.edns.clientSubnet;
    if (query.questionCount > QUESTIONS_SHOWN_MAX) said['questions'] = String(query.questionCount);
  }
  if (reply !== undefined) addReply(said, reply.message, asked !== undefined || variant !== '');
  for (const { message } of [asked, reply].filter((one) => one !== undefined)) {
    if (!message.isWhole) said['malformed'] = 'true';
    if (message.surplusBytes > 0) said['surplus_bytes'] = String(message.surplusBytes);
  }
  return said;
}

function addReply(said: Record<string, string>, reply: Message, wasAsked: boolean): void {
  if (reply.flags !== '') said['reply_flags'] = reply.flags;
  if (reply.isTruncated) said['reply_truncated'] = 'true';
  if (!wasAsked) said['unasked'] = 'true';
  if (reply.authorityCount > 0) said['authority_records'] = String(reply.authorityCount);
  const texts: string[] = [];
  let characters = 0;
  for (const answer of reply.answers) {
    const text = recordText(answer);
    characters += text.length;
    if (characters > ANSWERS_CHARACTERS_MAX) break;
    texts.push(text);
  }
  if (texts.length > 0) said['answers'] = JSON.stringify(texts);
  if (texts.length < reply.answerCount) said['answers_not_shown'] = String(reply.answerCount - texts.length);
}

function recordText({ name, ttl, class: of, type, data }: DnsRecord): string {
  const plain = of & CLASS_BITS;
  return [name, ttl, ...(plain === IN ? [] : [className(plain)]), typeName(type), data].join(' ');
}

function isCut({ bytes, totalBytes }: Payload): boolean {
  return bytes.length < totalBytes;
}
