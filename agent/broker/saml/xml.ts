// SPDX-License-Identifier: Apache-2.0

/**
 * XML from outside, read with as little of XML as SAML needs: elements, attributes and text. A document with a DOCTYPE,
 * a comment, CDATA or a processing instruction is not read at all. Entra sends none, and each has been a way to make two
 * readers of one document see two things.
 *
 * Bounds   checked on the text, before any parser sees it: size, number of tags, length and attributes of a tag
 * Errors   undefined for everything that is not read, whatever the parser would make of it
 */

import { createRequire } from 'node:module';

/** Of the parser's document what is used here; its own types would bring those of browsers into the whole project. */
export interface XmlNode {
  readonly nodeType: number;
  readonly namespaceURI: string | null;
  readonly localName: string;
  readonly nodeName: string;
  readonly parentNode: XmlNode | null;
  readonly childNodes: ArrayLike<XmlNode>;
  readonly textContent: string | null;
}

export interface XmlElement extends XmlNode {
  readonly attributes: ArrayLike<{ readonly localName: string; readonly nodeName: string; readonly value: string }>;
  /** '' when there is none. */
  getAttribute(name: string): string;
}

interface Parser {
  parseFromString(text: string, type: string): { readonly documentElement: XmlElement | null };
}

const { DOMParser } = createRequire(import.meta.url)('@xmldom/xmldom') as {
  DOMParser: new (options: {
    errorHandler: Readonly<Record<'warning' | 'error' | 'fatalError', (message: string) => void>>;
  }) => Parser;
};

/** An assertion of Entra has some 6 KiB, with a hundred groups 20; the metadata of a tenant some 60. */
export const XML_CHARACTERS_MAX = 256 * 1024;
const TAGS_MAX = 4000;
/** From one tag to the next, the text between them included: certificates have 2 KiB. */
const TAG_CHARACTERS_MAX = 16 * 1024;
const ATTRIBUTES_MAX = 64;
const ELEMENT = 1;

export function readXml(text: string): XmlElement | undefined {
  const body = text.replace(/^\ufeff?(?:<\?xml [^?<>]{0,200}\?>)?\s*/, '');
  if (text.length > XML_CHARACTERS_MAX || !isPlain(body)) return undefined;
  const stop = (): never => {
    throw new Error('not well-formed');
  };
  try {
    const parser = new DOMParser({ errorHandler: { warning: stop, error: stop, fatalError: stop } });
    return parser.parseFromString(body, 'text/xml').documentElement ?? undefined;
  } catch {
    return undefined;
  }
}

function isPlain(body: string): boolean {
  if (!body.startsWith('<') || /<[!?]/.test(body)) return false;
  const tags = body.split('<', TAGS_MAX + 2).slice(1);
  return (
    tags.length <= TAGS_MAX &&
    tags.every((tag) => tag.length <= TAG_CHARACTERS_MAX && tag.split('=', ATTRIBUTES_MAX + 2).length <= ATTRIBUTES_MAX)
  );
}

export const isElement = (node: XmlNode | null | undefined): node is XmlElement => node?.nodeType === ELEMENT;

/** Children of that name, in order. */
export function childrenOf(parent: XmlElement, namespace: string, localName: string): XmlElement[] {
  return Array.from(parent.childNodes).filter(
    (node): node is XmlElement => isElement(node) && node.namespaceURI === namespace && node.localName === localName,
  );
}

/** The only child of that name; undefined when there is none, or more than one. */
export function onlyChild(
  parent: XmlElement | undefined,
  namespace: string,
  localName: string,
): XmlElement | undefined {
  const [first, second] = parent === undefined ? [] : childrenOf(parent, namespace, localName);
  return second === undefined ? first : undefined;
}

/** The element itself and all in it, in document order. Not recursive: depth is up to the sender. */
export function allIn(root: XmlElement): XmlElement[] {
  const found: XmlElement[] = [];
  const waiting: XmlElement[] = [root];
  for (let element = waiting.pop(); element !== undefined; element = waiting.pop()) {
    found.push(element);
    const children = Array.from(element.childNodes).filter(isElement);
    for (const child of children.toReversed()) waiting.push(child);
  }
  return found;
}

export const textOf = (element: XmlElement | undefined): string => element?.textContent?.trim() ?? '';
