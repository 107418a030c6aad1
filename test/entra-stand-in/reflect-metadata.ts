// SPDX-License-Identifier: Apache-2.0

/**
 * The three functions of the Reflect metadata proposal that `@peculiar/x509` (through tsyringe) asks for when it is
 * loaded. It refuses to load without them and brings none along. Import this before it; a real polyfill is left alone.
 */

interface MetadataReflect {
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  getMetadata?: (key: unknown, target: object) => unknown;
}

const reflect = Reflect as MetadataReflect;

if (reflect.getMetadata === undefined) {
  const metadataOf = new WeakMap<object, Map<unknown, unknown>>();

  reflect.defineMetadata = (key, value, target) => {
    const entries = metadataOf.get(target) ?? new Map<unknown, unknown>();
    metadataOf.set(target, entries);
    entries.set(key, value);
  };
  reflect.getOwnMetadata = (key, target) => metadataOf.get(target)?.get(key);
  reflect.getMetadata = (key, target) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const value = metadataOf.get(at)?.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}
