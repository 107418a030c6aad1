// SPDX-License-Identifier: Apache-2.0

/**
 * The types whose binary form is read, by OID. OIDs of built-in types never change; a type that an extension or a user
 * made has another one in every database, and nothing on the wire says which type it is.
 *
 * Source   the server's catalog pg_type (columns oid, typarray, typsend)
 */

export type Form =
  | 'bool'
  | 'bytea'
  | 'text'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'oid'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'date'
  | 'time'
  | 'timetz'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'uuid'
  | 'versioned-text'
  | 'inet'
  | 'macaddr'
  | 'array';

/** Form, OID of the type, OID of its array (0: none that occurs). */
const TYPES: readonly (readonly [Form, number, number])[] = [
  ['bool', 16, 1000],
  ['bytea', 17, 1001],
  ['text', 18, 1002], // "char"
  ['text', 19, 1003], // name
  ['int8', 20, 1016],
  ['int2', 21, 1005],
  ['int4', 23, 1007],
  ['oid', 24, 1008], // regproc
  ['text', 25, 1009],
  ['oid', 26, 1028],
  ['oid', 28, 1011], // xid
  ['oid', 29, 1012], // cid
  ['text', 114, 199], // json
  ['text', 142, 143], // xml
  ['inet', 650, 651], // cidr
  ['float4', 700, 1021],
  ['float8', 701, 1022],
  ['text', 705, 0], // unknown
  ['macaddr', 829, 1040],
  ['inet', 869, 1041],
  ['text', 1042, 1014], // bpchar
  ['text', 1043, 1015], // varchar
  ['date', 1082, 1182],
  ['time', 1083, 1183],
  ['timestamp', 1114, 1115],
  ['timestamptz', 1184, 1185],
  ['interval', 1186, 1187],
  ['timetz', 1266, 1270],
  ['numeric', 1700, 1231],
  ['text', 1790, 2201], // refcursor
  ['oid', 2202, 2207], // regprocedure
  ['oid', 2203, 2208], // regoper
  ['oid', 2204, 2209], // regoperator
  ['oid', 2205, 2210], // regclass
  ['oid', 2206, 2211], // regtype
  ['text', 2275, 1263], // cstring
  ['text', 2278, 0], // void
  ['uuid', 2950, 2951],
  ['versioned-text', 3802, 3807], // jsonb
  ['versioned-text', 4072, 4073], // jsonpath
  ['oid', 4089, 4090], // regnamespace
  ['oid', 4096, 4097], // regrole
];

const FORM_OF = new Map<number, Form>();
for (const [form, type, array] of TYPES) {
  FORM_OF.set(type, form);
  if (array !== 0) FORM_OF.set(array, 'array');
}

/** How values of this type are written in binary; undefined when that is not known. */
export function formOf(typeOid: number): Form | undefined {
  return FORM_OF.get(typeOid);
}
