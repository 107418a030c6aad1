// SPDX-License-Identifier: Apache-2.0

/**
 * Words of SQL that shape and operation turn on. A word in this list keeps its quotes when it is written as a quoted
 * name, so that "where" cannot pass for WHERE, and has a space before an opening parenthesis, unlike a function's name.
 */
const WORDS = `
all analyse analyze and any array as asc asymmetric at atomic authorization begin between both by call cascade case cast
check collate column commit concurrently conflict constraint copy create cross current cursor database declare default
deferrable delete desc distinct do drop each else end except execute exists explain extension fetch filter first following
for foreign from full function generated grant group having if ilike in index initially inner insert instead intersect
into is isnull join key language last lateral leading left like limit listen lock loop matched materialized merge natural
next no not nothing notify notnull null nulls of offset on only or order ordinality outer over overlaps partition policy
preceding prepare primary privileges procedure program range reassign recursive references refresh reindex release rename
replace reset return returning returns revoke right role rollback row rows rule savepoint schema security select sequence
server session set similar some start stdin stdout symmetric table tablesample temp temporary then ties to trailing
transaction trigger truncate unbounded union unique unlisten unlogged update using vacuum values variadic verbose view
when where window with within work`;

export const KEYWORDS: ReadonlySet<string> = new Set(WORDS.trim().split(/\s+/));

const RESERVED_WORDS = `
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from
full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime
localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning right
select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using
variadic verbose when where window with`;

/** Words that cannot be the bare name of a table. */
export const RESERVED: ReadonlySet<string> = new Set(RESERVED_WORDS.trim().split(/\s+/));

/** Types of object whose name has more than one word; the longest that fits is taken. */
export const LONG_TYPES: readonly string[] = [
  'access method',
  'default privileges',
  'event trigger',
  'foreign data wrapper',
  'foreign table',
  'large object',
  'materialized view',
  'operator class',
  'operator family',
  'text search configuration',
  'text search dictionary',
  'text search parser',
  'text search template',
  'user mapping',
];

/** Words that may stand between CREATE, ALTER or DROP and the type of the object. */
export const TYPE_MODIFIERS: ReadonlySet<string> = new Set([
  'or',
  'replace',
  'temp',
  'temporary',
  'unlogged',
  'global',
  'local',
  'unique',
  'constraint',
  'recursive',
  'trusted',
  'procedural',
  'default',
]);

/** Words that may stand between a command, or the type of an object, and the name that it is about. */
export const NAME_MODIFIERS: ReadonlySet<string> = new Set(
  `if not exists only concurrently lateral verbose analyze analyse full freeze table temporary temp unlogged`.split(
    ' ',
  ),
);

/** The same in commands that say what kind of thing the name is of (GRANT ON SCHEMA, REINDEX TABLE, SET LOCAL, …). */
export const KIND_MODIFIERS: ReadonlySet<string> = new Set(
  `schema function procedure routine database sequence language type domain tablespace system index materialized view
   large object local session role authorization foreign server data wrapper parameter prepare`.split(/\s+/),
);
