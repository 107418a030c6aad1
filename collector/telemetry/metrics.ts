// SPDX-License-Identifier: Apache-2.0

/**
 * The collector's numbers in Prometheus' text form. A registry is made by main and handed down; there is no global one.
 *
 * Source   Prometheus documentation, "Exposition formats", text format 0.0.4
 */

type Labels = Readonly<Record<string, string>>;
type Type = 'counter' | 'gauge' | 'histogram';

/** A label set that nobody foresaw must not grow memory for ever: further ones count under "other". */
const LABEL_SETS_MAX = 2000;

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

interface Metric {
  readonly name: string;
  readonly type: Type;
  readonly help: string;
  lines(): Iterable<string>;
}

class Series {
  readonly #values = new Map<string, number>();

  /** The key under which a label set is kept. */
  key(labels: Labels): string {
    const text = labelText(labels);
    if (this.#values.has(text) || this.#values.size < LABEL_SETS_MAX) return text;
    return labelText(Object.fromEntries(Object.keys(labels).map((name) => [name, 'other'])));
  }

  get(key: string): number {
    return this.#values.get(key) ?? 0;
  }

  set(key: string, value: number): void {
    this.#values.set(key, value);
  }

  delete(labels: Labels): void {
    this.#values.delete(labelText(labels));
  }

  entries(): IterableIterator<[string, number]> {
    return this.#values.entries();
  }
}

export class Counter implements Metric {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #series = new Series();

  constructor(name: string, help: string, labelSets: readonly Labels[] = []) {
    this.name = name;
    this.help = help;
    // A counter that is there from the start, at zero, shows its first increase.
    for (const labels of labelSets) this.add(0, labels);
  }

  add(by = 1, labels: Labels = {}): void {
    const key = this.#series.key(labels);
    this.#series.set(key, this.#series.get(key) + by);
  }

  value(labels: Labels = {}): number {
    return this.#series.get(labelText(labels));
  }

  *lines(): Iterable<string> {
    for (const [labels, value] of this.#series.entries()) yield `${this.name}${labels} ${value}`;
  }
}

export class Gauge implements Metric {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly #series = new Series();
  readonly #read: (() => number) | undefined;

  constructor(name: string, help: string, read?: () => number) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  set(value: number, labels: Labels = {}): void {
    this.#series.set(this.#series.key(labels), value);
  }

  remove(labels: Labels): void {
    this.#series.delete(labels);
  }

  value(labels: Labels = {}): number {
    return this.#read === undefined ? this.#series.get(labelText(labels)) : this.#read();
  }

  *lines(): Iterable<string> {
    if (this.#read !== undefined) yield `${this.name} ${this.#read()}`;
    for (const [labels, value] of this.#series.entries()) yield `${this.name}${labels} ${value}`;
  }
}

export class Histogram implements Metric {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) this.#counts[at]! += 1;
  }

  *lines(): Iterable<string> {
    let below = 0;
    for (const [at, bound] of this.#bounds.entries()) {
      below += this.#counts[at]!;
      yield `${this.name}_bucket{le="${bound}"} ${below}`;
    }
    yield `${this.name}_bucket{le="+Inf"} ${this.#count}`;
    yield `${this.name}_sum ${this.#sum}`;
    yield `${this.name}_count ${this.#count}`;
  }
}

export class MetricsRegistry {
  readonly #metrics: Metric[] = [];

  register<M extends Metric>(metric: M): M {
    this.#metrics.push(metric);
    return metric;
  }

  /** All metrics, as `GET /metrics` answers. */
  text(): string {
    const parts: string[] = [];
    for (const metric of this.#metrics) {
      parts.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`, ...metric.lines());
    }
    return `${parts.join('\n')}\n`;
  }
}
